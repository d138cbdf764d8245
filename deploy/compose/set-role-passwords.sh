#!/bin/sh
# Gives the roles of deploy/postgres/roles.sql their passwords. Runs once, when the database is made; to change a password
# later use `alter role ... password ...` and then the files of the secrets. tradeup_app has none here: nobody logs in as it.
#
# psql reads them by itself, so that they appear in no argument list and in no environment.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set owner_password `cat "${TRADEUP_SECRETS:-/run/secrets}/owner_password"`
\set scheduler_password `cat "${TRADEUP_SECRETS:-/run/secrets}/scheduler_password"`
\set credits_password `cat "${TRADEUP_SECRETS:-/run/secrets}/credits_password"`
\set webhooks_password `cat "${TRADEUP_SECRETS:-/run/secrets}/webhooks_password"`
\set agents_password `cat "${TRADEUP_SECRETS:-/run/secrets}/agents_password"`
\set console_password `cat "${TRADEUP_SECRETS:-/run/secrets}/console_password"`
\set cli_password `cat "${TRADEUP_SECRETS:-/run/secrets}/cli_password"`
\set monitor_password `cat "${TRADEUP_SECRETS:-/run/secrets}/monitor_password"`
alter role tradeup_owner password :'owner_password';
alter role tradeup_scheduler password :'scheduler_password';
alter role tradeup_credits password :'credits_password';
alter role tradeup_webhooks password :'webhooks_password';
alter role tradeup_agents password :'agents_password';
alter role tradeup_console password :'console_password';
alter role tradeup_cli password :'cli_password';
alter role tradeup_monitor password :'monitor_password';
SQL
