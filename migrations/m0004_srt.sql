-- SRT: a broadcast may have a passphrase of its own, which publishers and viewers must know.

ALTER TABLE broadcasts ADD COLUMN srt_passphrase TEXT; -- 10 to 79 bytes; null: the server's, if it has one
