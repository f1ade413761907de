#!/bin/sh
# Gives the three roles the passwords in ROLE_PASSWORD_DIR/<role>. psql sends only the SCRAM verifier, so no statement, log or
# view of the server ever holds a password. The image of PostgreSQL runs this after roles.sql, once, on an empty volume.
set -eu

for role in montage_owner montage_engine montage_edit; do
  file="${ROLE_PASSWORD_DIR:?folder with a password file per role}/$role"
  [ -s "$file" ] || { echo "set-passwords: expected a password in $file" >&2; exit 1; }
  password=$(cat "$file")
  # \password asks twice; without a terminal of its own it reads standard input.
  printf '%s\n%s\n' "$password" "$password" |
    setsid -w psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-montage}" \
      -c "\\password $role" >/dev/null
done
