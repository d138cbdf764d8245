#!/bin/sh
# Gives the two roles of deploy/postgres/roles.sql their passwords. Runs once, when the database is made;
# to change a password later use `alter role ... password ...` and then .env.
#
# \getenv reads them inside of psql, so that they appear in no argument list.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner_password TRADEUP_OWNER_PASSWORD
\getenv app_password TRADEUP_APP_PASSWORD
alter role tradeup_owner password :'owner_password';
alter role tradeup_app password :'app_password';
SQL
