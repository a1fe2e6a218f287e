-- Run once by the postgres image, on an empty volume: two databases whose roles cannot enter each other's.
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv sundial_password SUNDIAL_DB_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE sundial LOGIN PASSWORD :'sundial_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE sundial OWNER sundial;
REVOKE ALL ON DATABASE airflow, sundial, postgres, template1 FROM PUBLIC;
