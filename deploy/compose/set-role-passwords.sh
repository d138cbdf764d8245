#!/bin/sh
# Gives the two roles of deploy/postgres/roles.sql their passwords. Runs once, when the database is made;
# to change a password later use `alter role ... password ...` and then the files of the secrets.
#
# psql reads them by itself, so that they appear in no argument list and in no environment.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set owner_password `cat "${TRADEUP_SECRETS:-/run/secrets}/owner_password"`
\set app_password `cat "${TRADEUP_SECRETS:-/run/secrets}/app_password"`
alter role tradeup_owner password :'owner_password';
alter role tradeup_app password :'app_password';
SQL
