import Foundation
import Testing

extension DecodedMedia {
    /// Each picture follows the one before it in its film 40 ms later, and behind the last one of a film comes the first one of the next within 100 ms;
    /// behind the last film comes the first.
    /// - Parameters:
    ///   - films: the numbers of each film's pictures, in the order they are played.
    ///   - isWhole: from the first picture of the first film to the last picture of the last.
    ///   - lateBy: groups of pictures that may be missing at the beginning even so, where something has to be started that waits for a keyframe.
    func requireFilms(
        _ films: [Range<Int>], joints: Int, isWhole: Bool = false, lateBy groups: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        // What is cut off in the order of decoding need not be complete in the order of showing.
        let pictures = isWhole ? self.pictures[...] : self.pictures.dropLast(4)
        var seen = 0
        for (one, next) in zip(pictures, pictures.dropFirst()) {
            let step = next.time - one.time
            guard let ended = films.firstIndex(where: { $0.upperBound - 1 == one.number }) else {
                try #require(next.number == one.number + 1, "picture \(next.number) after \(one.number)", sourceLocation: sourceLocation)
                try #require(abs(step - 0.04) < 0.005, "picture \(next.number) comes after \(step) s", sourceLocation: sourceLocation)
                continue
            }
            let follows = films[(ended + 1) % films.count].lowerBound
            try #require(next.number == follows, "picture \(next.number) after the end of film \(ended)", sourceLocation: sourceLocation)
            try #require(step > 0.02 && step <= 0.1, "film \(ended + 1) begins after \(step) s", sourceLocation: sourceLocation)
            seen += 1
        }
        try #require(seen >= joints, "\(seen) joints among \(self.pictures.count) pictures", sourceLocation: sourceLocation)
        guard isWhole else { return }
        let start = try #require(films.first?.lowerBound)
        let first = try #require(pictures.first?.number)
        try #require((0...groups).contains { first == start + $0 * Clip.frameRate }, "it begins at \(first)", sourceLocation: sourceLocation)
        try #require(pictures.last?.number == films.last.map { $0.upperBound - 1 }, sourceLocation: sourceLocation)
    }

    /// Where it goes on elsewhere, at once: the pictures that follow such a cut. It is made between frames in the order of decoding, so that one or two
    /// of the last pictures before it may be missing.
    func requireCuts(to pictures: [Int], sourceLocation: SourceLocation = #_sourceLocation) throws {
        var cuts: [Int] = []
        let shown = self.pictures.dropLast(4)
        for (one, next) in zip(shown, shown.dropFirst()) {
            let step = next.time - one.time
            try #require(step > 0 && step < 0.15, "picture \(next.number) comes after \(step) s", sourceLocation: sourceLocation)
            if !(1...3).contains(next.number - one.number) { cuts.append(next.number) }
        }
        try #require(cuts == pictures, sourceLocation: sourceLocation)
    }
}
