-- Roles and rights: an owner for migrations, and the service's own role. Run once by a superuser who is connected to the
-- database `montage`; safe to repeat. It sets no password, and a role without one cannot log in: see set-passwords.sh.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'montage_owner') THEN CREATE ROLE montage_owner; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'montage_app') THEN CREATE ROLE montage_app; END IF;
END
$$;
ALTER ROLE montage_owner LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
ALTER ROLE montage_app LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;

ALTER DATABASE montage OWNER TO montage_owner;
REVOKE ALL ON DATABASE montage, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE montage TO montage_app;

-- The owner makes tables; the service reads and writes them, and a migration may take rights away again.
ALTER SCHEMA public OWNER TO montage_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO montage_app;
ALTER DEFAULT PRIVILEGES FOR ROLE montage_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO montage_app;
ALTER DEFAULT PRIVILEGES FOR ROLE montage_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO montage_app;
