-- Sources that are pulled: which ones are wanted whatever becomes of the process, and what a schedule has seen to already.

ALTER TABLE broadcasts ADD COLUMN source_wanted INTEGER NOT NULL DEFAULT 0;      -- 1 = was started and not stopped: pulled again after a restart
ALTER TABLE broadcasts ADD COLUMN planned_start_done INTEGER NOT NULL DEFAULT 0; -- seconds: the planned_start that needs no seeing to any more

-- Each holds the few rows that are asked for at a start of the process.
CREATE INDEX broadcasts_wanted ON broadcasts (seq) WHERE source_wanted = 1;
CREATE INDEX broadcasts_for_viewers ON broadcasts (seq) WHERE auto_start_stop = 1;
CREATE INDEX broadcasts_planned ON broadcasts (seq) WHERE planned_start > 0 OR planned_end > 0;

-- A playlist or a VoD source may name a file of the library by its path.
CREATE INDEX vods_by_path ON vods (file_path) WHERE file_path IS NOT NULL;
