import TestSupport

/// A port that nobody uses, for a program that must be told one. Here, because `TestSupport` has another `eventually` as well, which does not forgive a look
/// that throws.
func freePort() throws -> Int { try TestSupport.freePort() }
