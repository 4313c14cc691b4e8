-- Gives another application what it needs of a PostgreSQL database of Bulkpost, and nothing else: it writes into the
-- inbox, sees what became of its rows, and reads the results. Run it again for each application, as the tables' owner:
--
--     psql -v application=shop -f migrations/roles.sql DATABASE
--
-- The role is made without a password where it is missing: \password shop, or CREATE ROLE it first as you like.
-- It is no wall between accounts: the role may insert for any account, and reads the results of every account. What
-- numbers and texts stand in the inbox it cannot read back; keys, references and refusals it can, of all rows.
-- docs/doors.md says how to separate applications: keys of the HTTP door, or row-level security.
\set ON_ERROR_STOP on
BEGIN;
SELECT format('CREATE ROLE %I LOGIN', :'application')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'application') \gexec
GRANT INSERT (campaign_key, account, kind, sender, text, content, phone, ref, client_key, variables, send_at)
    ON bulkpost_outgoing TO :"application";
GRANT USAGE ON SEQUENCE bulkpost_outgoing_id_seq TO :"application";
GRANT SELECT (id, campaign_key, account, ref, client_key, created_at, taken_at, campaign_id, position, refused_at, refusal)
    ON bulkpost_outgoing TO :"application";
GRANT SELECT ON bulkpost_results TO :"application";
COMMIT;
