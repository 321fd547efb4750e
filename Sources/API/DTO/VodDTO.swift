import Store

/// The contract's VoD (2.5); without a record, the empty one that stands for "unknown".
struct VodDTO: JSONWritable {
    var record: VodRecord?
    /// How much of the work on it is done, 0…100. A member of its own, and only while there is any: clients of the contract know none of it.
    var percent: Int?

    func write(to writer: inout JSONWriter) {
        let vod = self.record
        writer.object { writer in
            writer.member("streamName", vod?.streamName)
            writer.member("vodName", vod?.name)
            writer.member("streamId", vod?.streamID)
            writer.member("creationDate", vod?.createdAt ?? 0)
            writer.member("startTime", vod?.startedAt ?? 0)
            writer.member("duration", vod?.duration ?? 0)
            writer.member("fileSize", vod?.fileSize ?? 0)
            writer.member("filePath", vod?.filePath)
            writer.member("vodId", vod?.id)
            writer.member("type", vod?.type)
            writer.member("previewFilePath", vod?.previewPath)
            writer.member("processStatus", vod?.processStatus)
            writer.member("processStartTime", vod?.processStartedAt ?? 0)
            writer.member("processEndTime", vod?.processEndedAt ?? 0)
            writer.member("description", vod?.description)
            writer.member("metadata", vod?.metadata)
            writer.member("latitude", vod?.latitude)
            writer.member("longitude", vod?.longitude)
            writer.member("altitude", vod?.altitude)
            if let vod, vod.process?.isUnfinished == true { writer.member("processPercent", self.percent ?? 0) }
        }
    }
}
