package collector

// NewOn is New with the log on a file system of a test.
var NewOn = newOn //nolint:gochecknoglobals // A function, for tests alone.
