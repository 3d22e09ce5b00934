package tracing

import "context"

// A Sink takes spans. *collector.Collector and *otlp.Client are sinks, and for tests *tracingtest.Recorder.
type Sink interface {
	// Ingest takes one ExportTraceServiceRequest in protobuf, of which it keeps no byte after it returned. On error nothing of the request
	// was taken: *RequestError is malformed, *OverloadError is to be tried again after its delay, other errors that are not ErrPermanent
	// after a while. It is safe for concurrent use.
	Ingest(ctx context.Context, req []byte) (Result, error)
}

// Result says what became of the spans of a request that was taken.
type Result struct {
	Accepted, Rejected int    // spans; the rejected are bad for ever
	Reason             string // of the first that was rejected
}

// An Admitter is a Sink that bounds its memory: receivers charge a body before they read it. It is optional.
type Admitter interface {
	// Admit charges bytes until release is called, or refuses the request, which then does not go to Ingest: with an *OverloadError, or with an
	// error that Is ErrPermanent where so many never fit. A receiver of a growing body asks for all of it anew.
	Admit(bytes int64) (release func(), err error)
}
