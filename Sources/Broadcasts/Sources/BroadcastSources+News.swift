import Gateways
import Logging
import Store

/// What pulls tell, dealt with one letter after the other. News of a pull that is not the broadcast's any more are nobody's.
extension BroadcastSources {
    func received(_ letter: SourceNews.Letter) async {
        let id = letter.id
        guard let present = self.running[id], present.token == letter.token else { return }
        switch letter.event {
        case .preparing, .broadcasting: break
        case .retrying(let failure, let attempt, let delay):
            // A source that stays away for a week says so some twenty times.
            guard attempt & (attempt - 1) == 0 else { return }
            self.environment.logger.notice(
                "source not there",
                metadata: [
                    "stream": "\(id)", "cause": "\(failure.cause.rawValue)", "reason": "\(failure.text)", "attempt": "\(attempt)",
                    "next": "\(delay) ms",
                ])
        case .itemStarted(let index):
            guard present.isPlaylist else { return }
            self.running[id]?.failing.remove(index)
            self.environment.emit(.playlistItemStarted(id: id, index: index, name: self.itemName(id, index)))
            await self.store(index, letter)
        case .itemFailed(let index, let failure):
            guard present.isPlaylist, self.running[id]?.failing.insert(index).inserted == true else { return }
            self.environment.emit(.playlistItemFailed(id: id, index: index, name: self.itemName(id, index), reason: failure.text))
        case .finished(let listEnded, let failure):
            await self.store(endOf: letter, index: present.isPlaylist && listEnded ? 0 : nil)
            self.log(id, "pull ended", failure.map { ["reason": "\($0.text)"] } ?? [:])
        }
    }

    private func store(_ index: Int, _ letter: SourceNews.Letter) async {
        guard self.running[letter.id]?.storedIndex != index else { return }
        await self.turns.take(letter.id)
        defer { self.turns.pass(letter.id) }
        guard self.running[letter.id]?.token == letter.token else { return }
        self.running[letter.id]?.storedIndex = index
        do { try await self.table.setPlayIndex(index, of: letter.id) } catch { self.complain(letter.id, "item not stored", .store(error)) }
    }

    private func store(endOf letter: SourceNews.Letter, index: Int?) async {
        await self.turns.take(letter.id)
        defer { self.turns.pass(letter.id) }
        guard self.running[letter.id]?.token == letter.token else { return }
        self.running[letter.id] = nil
        self.board.set(letter.id, nil)
        self.demand.ended(letter.id)
        await self.noteStop(letter.id, index: index)
    }

    func noteStop(_ id: String, index: Int? = nil) async {
        do { try await self.table.sourceStopped(id, index: index) } catch { self.complain(id, "end not stored", .store(error)) }
    }

    private func itemName(_ id: String, _ index: Int) -> String? {
        do throws(BroadcastError) {
            guard let items = try self.record(id)?.playlist.items, items.indices.contains(index) else { return nil }
            return items[index].name
        } catch {
            self.complain(id, "broadcast not read", error)
            return nil
        }
    }
}
