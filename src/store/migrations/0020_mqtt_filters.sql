-- A topic filter has at most 4 096 bytes: longer ones were stored, and read into memory at each start. Their sessions lose them.
INSERT INTO upgrade_notices (event, fields)
SELECT 'mqtt_subscriptions_ended', json_object('device', s.device_id, 'clientId', s.client_id, 'filters', count(*))
FROM mqtt_subscriptions AS f JOIN mqtt_sessions AS s ON s.id = f.session_id
WHERE length(CAST(f.filter AS BLOB)) > 4096 GROUP BY s.id ORDER BY s.id;

DELETE FROM mqtt_subscriptions WHERE length(CAST(filter AS BLOB)) > 4096;
