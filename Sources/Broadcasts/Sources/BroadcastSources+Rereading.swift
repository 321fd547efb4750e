import Gateways
import Logging
import Store

/// What a changed row means for what runs.
extension BroadcastSources {
    /// Makes what runs and what is planned equal to what is stored. Does not wait for anything.
    func reread(_ id: String) {
        guard !self.isEnding else { return }
        let record: BroadcastRecord
        do throws(BroadcastError) {
            guard let found = try self.record(id) else {
                _ = self.removed(id)
                return
            }
            record = found
        } catch {
            self.complain(id, "broadcast not read", error)
            return
        }
        self.note(record)
        guard let present = self.running[id] else { return self.rearm() }
        do throws(BroadcastError) {
            let plan = try self.environment.planner.plan(for: record)
            if present.isPlaylist {
                self.running[id]?.plan = plan
                if let sequence = plan.sequence, !sequence.goesOn(as: present.plan.sequence) {
                    self.running[id]?.failing = []
                    present.session.replace(sequence)
                }
            } else if plan.fetchesTheSame(as: present.plan) {
                self.running[id]?.plan = plan
            } else {
                present.session.stop()
                self.open(record, plan)
            }
        } catch {
            self.log(id, "nothing left to pull", ["reason": "\(error)"])
            present.session.stop()
            // Its end is stored as that of any pull.
            self.news.put(.init(id: id, token: present.token, event: .finished(listEnded: present.isPlaylist, nil)))
        }
        self.rearm()
    }

    /// What the row says about viewers and times.
    func note(_ record: BroadcastRecord) {
        self.demand.set(record.id, startsWithViewers: record.source.startsWithViewers && record.type.isPulled)
        guard record.type == .playlist else { return }
        let start = record.schedule.plannedStart == record.schedule.plannedStartDone ? 0 : record.schedule.plannedStart
        self.schedule.set(record.id, start: start, end: record.schedule.plannedEnd, now: self.environment.clock.wall() / 1000)
    }
}

extension PullSequence {
    /// Whether it is the same list for somebody who is in the middle of it.
    func goesOn(as other: PullSequence?) -> Bool {
        guard var other else { return false }
        other.firstIndex = self.firstIndex
        return self == other
    }
}
