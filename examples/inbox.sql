-- A mailing without a line of Bulkpost's code: rows in the application's own transaction, from any language.
--
--     psql -f examples/inbox.sql DATABASE
--
-- The campaign exists exactly if the transaction commits. Rows of one account and one campaign_key are one campaign;
-- the scheduler takes them up two seconds after the last.
\set ON_ERROR_STOP on
BEGIN;

-- The application's own work:
CREATE TABLE IF NOT EXISTS shop_orders (id integer PRIMARY KEY, name text, phone text, told boolean DEFAULT false);
INSERT INTO shop_orders VALUES (1001, 'Anna', '+7 903 123-45-67'), (1002, 'Борис', '8 (903) 123-45-68'), (1003, '', '12')
ON CONFLICT DO NOTHING;

INSERT INTO bulkpost_outgoing (campaign_key, sender, text, phone, ref, client_key, variables)
SELECT 'arrived-2026-12-01', 'Shop', 'Hello {name}, order {order} is here', phone, 'order ' || id, id,
       json_build_object('name', name, 'order', id)
FROM shop_orders WHERE NOT told;

UPDATE shop_orders SET told = true WHERE NOT told;
COMMIT;

-- Any time later: who was refused and why, and what became of the others.
SELECT ref, refusal FROM bulkpost_outgoing WHERE campaign_key = 'arrived-2026-12-01' AND refused_at IS NOT NULL;
SELECT ref, client_key, status, message_id, segments, reason
FROM bulkpost_results WHERE account = 'default' AND campaign_key = 'arrived-2026-12-01' ORDER BY position;
