-- Broadcasts, their destinations, recordings. Times are milliseconds since 1970 unless a name says seconds.
-- Text that is searched or sorted without regard to case is stored a second time, folded by the server: SQLite folds ASCII only.

CREATE TABLE broadcasts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,      -- creation order; never reused
    id TEXT NOT NULL UNIQUE,
    id_folded TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,                       -- as last written; what is shown while live comes from the running stream
    created_at INTEGER NOT NULL,
    zombi INTEGER NOT NULL DEFAULT 0,           -- made by an unknown publisher, removed when it leaves

    -- what the client says about it
    name TEXT,
    name_folded TEXT NOT NULL DEFAULT '',
    description TEXT,
    category TEXT,
    metadata TEXT,
    role TEXT,
    quality TEXT,
    latitude TEXT,
    longitude TEXT,
    altitude TEXT,
    publish INTEGER NOT NULL,
    public_stream INTEGER NOT NULL,
    is_360 INTEGER NOT NULL,
    virtual INTEGER NOT NULL,
    main_track_id TEXT,

    -- where pulled frames come from
    stream_url TEXT,
    ip_addr TEXT,
    username TEXT,
    password TEXT,
    seek_time INTEGER NOT NULL,
    auto_start_stop INTEGER NOT NULL,

    -- playlist
    play_list_items TEXT,                       -- JSON array of PlayListItem, NULL when never given
    play_list_status TEXT,
    play_list_loop INTEGER NOT NULL,
    current_play_index INTEGER NOT NULL,

    -- when, and how much
    planned_start INTEGER NOT NULL,             -- seconds since 1970, 0 = none
    planned_end INTEGER NOT NULL,               -- seconds since 1970, 0 = none
    expire_duration INTEGER NOT NULL,           -- milliseconds after created_at, 0 = never
    max_idle_time INTEGER NOT NULL,             -- seconds
    subtracks_limit INTEGER NOT NULL,           -- -1 = none, as the three below
    webrtc_viewer_limit INTEGER NOT NULL,
    hls_viewer_limit INTEGER NOT NULL,
    dash_viewer_limit INTEGER NOT NULL,

    -- what becomes of it
    mp4 INTEGER NOT NULL,                       -- 1 on, -1 off, 0 as the server's setting
    webm INTEGER NOT NULL,
    sub_folder TEXT,
    hook_url TEXT,
    hls_parameters TEXT,                        -- JSON object of three strings
    encoder_settings TEXT,                      -- JSON array

    -- the last run
    publish_type TEXT,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    absolute_start INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    received_bytes INTEGER NOT NULL,
    bitrate INTEGER NOT NULL,                   -- bits per second
    speed REAL NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    remote_ip TEXT
);

CREATE INDEX broadcasts_by_type ON broadcasts (type, seq);
CREATE INDEX broadcasts_by_name ON broadcasts (name_folded, seq);
CREATE INDEX broadcasts_by_type_name ON broadcasts (type, name_folded, seq);
CREATE INDEX broadcasts_by_date ON broadcasts (created_at, seq);
CREATE INDEX broadcasts_by_type_date ON broadcasts (type, created_at, seq);
CREATE INDEX broadcasts_by_status ON broadcasts (status, seq);
CREATE INDEX broadcasts_by_type_status ON broadcasts (type, status, seq);
CREATE INDEX broadcasts_by_main_track ON broadcasts (main_track_id) WHERE main_track_id IS NOT NULL;
CREATE INDEX broadcasts_zombis ON broadcasts (zombi) WHERE zombi = 1;
-- Covers substring search with every filter and order, so that it walks narrow pages instead of whole rows.
CREATE INDEX broadcasts_search ON broadcasts (seq, name_folded, id_folded, type, status, created_at);

CREATE TABLE endpoints (
    broadcast_seq INTEGER NOT NULL REFERENCES broadcasts (seq) ON DELETE CASCADE,
    position INTEGER NOT NULL,                  -- order within the list
    service_id TEXT NOT NULL,
    url TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,                       -- as last written; while running the destination itself is asked
    resolution_height INTEGER NOT NULL,         -- pixels, 0 = as published
    PRIMARY KEY (broadcast_seq, service_id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX endpoints_by_url ON endpoints (broadcast_seq, url);

CREATE TABLE vods (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    stream_id TEXT,
    stream_name TEXT,
    name TEXT,
    name_folded TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    file_size INTEGER NOT NULL,                 -- bytes
    file_path TEXT,                             -- below the data directory: streams/…
    preview_path TEXT,
    process_status TEXT,
    process_started_at INTEGER NOT NULL,
    process_ended_at INTEGER NOT NULL,
    description TEXT,
    metadata TEXT,
    latitude TEXT,
    longitude TEXT,
    altitude TEXT,
    search_text TEXT NOT NULL                   -- folded: id, name, stream id, stream name, description, metadata
);

CREATE INDEX vods_by_stream ON vods (stream_id, seq);
CREATE INDEX vods_by_name ON vods (name_folded, seq);
CREATE INDEX vods_by_stream_name ON vods (stream_id, name_folded, seq);
CREATE INDEX vods_by_date ON vods (created_at, seq);
CREATE INDEX vods_by_stream_date ON vods (stream_id, created_at, seq);
CREATE INDEX vods_search ON vods (seq, search_text, stream_id, name_folded, created_at);

-- Recordings that are being written. A row that is found at start belongs to a process that died: its file is recovered.
CREATE TABLE recordings (
    vod_id TEXT PRIMARY KEY,
    stream_id TEXT NOT NULL,
    temporary_path TEXT NOT NULL,               -- absolute
    directory TEXT NOT NULL,                    -- absolute
    base_name TEXT NOT NULL,
    format TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    -- copied into the VoD: the broadcast may be gone by then
    stream_name TEXT,
    description TEXT,
    metadata TEXT,
    latitude TEXT,
    longitude TEXT,
    altitude TEXT
) WITHOUT ROWID;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
