/// The chunk streams Martlet sends on, the ones every peer expects. Only `control` is prescribed (RTMP 1.0 §5.4).
public enum ChunkStreamID {
    public static let control: UInt32 = 2
    public static let command: UInt32 = 3
    public static let audio: UInt32 = 4
    public static let status: UInt32 = 5
    public static let video: UInt32 = 6
    public static let data: UInt32 = 8
}
