-- Rights in the store's database: its owner migrates and destroys; the pipeline reads and adds, and can do no more.
-- Run once in that database, as its owner, before the first `sundial db migrate`.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO sundial;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO sundial;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO sundial;
