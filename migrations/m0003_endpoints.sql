-- What is wanted of an endpoint, apart from how it stands.

ALTER TABLE endpoints ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;   -- 0 = kept, and not pushed to
ALTER TABLE endpoints ADD COLUMN adds_silence INTEGER;                 -- silent sound beside pictures without any: 1, 0, NULL = as its platform needs
