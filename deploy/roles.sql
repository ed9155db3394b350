-- Roles and databases of a team's Petaday, each with no more than it needs. Run once as a superuser of PostgreSQL 14 or newer:
--   export PETADAY_WRITER_PASSWORD=… PETADAY_READER_PASSWORD=… PETADAY_DAGSTER_PASSWORD=…
--   psql -v ON_ERROR_STOP=1 -f deploy/roles.sql
-- The passwords come from the environment, so that they stand in no file and no process list.
\set ON_ERROR_STOP on
\getenv writer_password PETADAY_WRITER_PASSWORD
\getenv reader_password PETADAY_READER_PASSWORD
\getenv dagster_password PETADAY_DAGSTER_PASSWORD
SET log_statement = 'none';
SET log_min_error_statement = 'panic';

CREATE ROLE petaday_writer LOGIN PASSWORD :'writer_password' CONNECTION LIMIT 200;
CREATE ROLE petaday_reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 500;
CREATE ROLE petaday_dagster LOGIN PASSWORD :'dagster_password' CONNECTION LIMIT 200;
-- A connection whose other end is gone in silence (a machine that died, a network that is cut) ends after half a minute, with what it held.
SELECT format('ALTER ROLE %I SET %s', role, setting) FROM unnest(ARRAY['petaday_writer', 'petaday_reader', 'petaday_dagster']) AS role,
    unnest(ARRAY['tcp_keepalives_idle = 10', 'tcp_keepalives_interval = 5', 'tcp_keepalives_count = 4', 'tcp_user_timeout = 30000']) AS setting \gexec

-- The catalog of the lake: the writer makes a schema of its own in it, the reader may look (`petaday lake init --reader`).
CREATE DATABASE petaday_lake;
REVOKE ALL ON DATABASE petaday_lake FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE petaday_lake TO petaday_writer;
GRANT CONNECT ON DATABASE petaday_lake TO petaday_reader;

-- Runs and events of Dagster: apart from the data, and the data apart from them.
CREATE DATABASE petaday_dagster;
REVOKE ALL ON DATABASE petaday_dagster FROM PUBLIC;
GRANT CONNECT ON DATABASE petaday_dagster TO petaday_dagster;
\connect petaday_dagster
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO petaday_dagster;
-- Large objects belong to no schema: anybody who may connect could fill the disk with them, and nothing here uses them.
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure) FROM pg_proc
    WHERE proname IN ('lo_creat', 'lo_create', 'lo_from_bytea') AND pronamespace = 'pg_catalog'::regnamespace \gexec

\connect petaday_lake
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Writers queue on an advisory lock; whoever may only read must not be able to hold it.
DO $$
DECLARE locking regprocedure;
BEGIN
    FOR locking IN SELECT oid FROM pg_proc WHERE proname ~ '^pg_(try_)?advisory_' AND pronamespace = 'pg_catalog'::regnamespace LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', locking);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO petaday_writer', locking);
    END LOOP;
END $$;
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure) FROM pg_proc
    WHERE proname IN ('lo_creat', 'lo_create', 'lo_from_bytea') AND pronamespace = 'pg_catalog'::regnamespace \gexec
