package otlp

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// An answer is what a server says about a request that it took.
type answer struct {
	rejected int
	message  string
}

// Media types of OTLP over HTTP.
const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// readAnswer reads an ExportTraceServiceResponse, in whichever form the server chose.
func readAnswer(header http.Header, text []byte) answer {
	var a answer
	switch mediaType(header) {
	case jsonType:
		var body struct {
			PartialSuccess struct {
				RejectedSpans json.Number `json:"rejectedSpans"`
				ErrorMessage  string      `json:"errorMessage"`
			} `json:"partialSuccess"`
		}
		if err := json.Unmarshal(text, &body); err != nil {
			return answer{message: "answer: " + err.Error()}
		}
		rejected, _ := strconv.Atoi(string(body.PartialSuccess.RejectedSpans)) // What is no number is none.
		return answer{rejected, body.PartialSuccess.ErrorMessage}
	case protobufType:
		for w := wire.Walk(text); w.Next(); {
			if w.Number == 1 && w.Wire == wire.Len { // partial_success
				readPartial(w.In(), &a)
			}
		}
	}
	return a
}

func readPartial(w wire.Walker, a *answer) {
	for w.Next() {
		switch {
		case w.Number == 1 && w.Wire == wire.Varint:
			a.rejected = int(int64(w.Value)) //nolint:gosec // Two's complement.
		case w.Number == 2 && w.Wire == wire.Len:
			a.message = strings.ToValidUTF8(string(w.Bytes()), "\uFFFD")
		}
	}
}

// readStatus returns the message of a google.rpc.Status, in whichever form the server chose.
func readStatus(header http.Header, text []byte) string {
	message := ""
	switch mediaType(header) {
	case jsonType:
		var body struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(text, &body) == nil {
			message = body.Message
		}
	case protobufType:
		for w := wire.Walk(text); w.Next(); {
			if w.Number == 2 && w.Wire == wire.Len {
				message = strings.ToValidUTF8(string(w.Bytes()), "\uFFFD")
			}
		}
	}
	return message
}

// mediaType returns the type of a body without parameters; "" = none.
func mediaType(header http.Header) string {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// retryAfter reads the header of that name: seconds, or a time, which counts from the answer's own. Nobody waits longer than longestWait.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestWait)
}

// spansIn counts the spans of a request.
func spansIn(req []byte) int {
	n := 0
	for resources := wire.Walk(req); resources.Next(); {
		if resources.Wire != wire.Len {
			continue
		}
		for scopes := resources.In(); scopes.Next(); {
			if scopes.Number != wire.ResourceSpansScopeSpans || scopes.Wire != wire.Len {
				continue
			}
			for spans := scopes.In(); spans.Next(); {
				if spans.Number == wire.ScopeSpansSpans {
					n++
				}
			}
		}
	}
	return n
}
