-- Destinations: another broadcast stands in at them while this one is away.

ALTER TABLE broadcasts ADD COLUMN backup_id TEXT; -- that broadcast's id, which need not exist; null: none
