-- Roles and rights: an owner for migrations, and the two roles of the service: one keeps state, one edits structure. Run
-- once by a superuser who is connected to the database `montage`; safe to repeat. It sets no password, and a role without
-- one cannot log in: see set-passwords.sh. What the service's roles may do with each table is granted by the migrations.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'montage_owner') THEN CREATE ROLE montage_owner; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'montage_engine') THEN CREATE ROLE montage_engine; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'montage_edit') THEN CREATE ROLE montage_edit; END IF;
END
$$;
ALTER ROLE montage_owner LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
ALTER ROLE montage_engine LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;
ALTER ROLE montage_edit LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;

ALTER DATABASE montage OWNER TO montage_owner;
REVOKE ALL ON DATABASE montage, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE montage TO montage_engine, montage_edit;

ALTER SCHEMA public OWNER TO montage_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO montage_engine, montage_edit;
