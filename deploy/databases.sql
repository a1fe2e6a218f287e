-- Run once by the postgres image, on an empty volume: two databases whose roles cannot enter each other's.
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv owner_password SUNDIAL_OWNER_PASSWORD
\getenv sundial_password SUNDIAL_DB_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE sundial_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE sundial LOGIN PASSWORD :'sundial_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE sundial OWNER sundial_owner;
REVOKE ALL ON DATABASE airflow, sundial, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE sundial TO sundial;
\connect sundial
ALTER SCHEMA public OWNER TO sundial_owner;
SET ROLE sundial_owner;
\ir /opt/sundial/rights.sql
