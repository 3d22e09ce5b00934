package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"google.golang.org/grpc"
)

const telemetrygen = "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0"

// installed returns the program of OpenTelemetry's load generator, built apart from this module, which should not have what it requires.
func installed(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", telemetrygen)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOWORK=off", "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("telemetrygen cannot be built: %v\n%s", err, out)
		}
		t.Skipf("telemetrygen cannot be built: %v", err)
	}
	return filepath.Join(bin, "telemetrygen")
}

// A counted output counts the spans that leave and their bytes.
type counted struct {
	mu    sync.Mutex
	spans int64
	bytes int64
}

func (o *counted) Put(_ context.Context, kept []tracing.Kept) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range kept {
		if err := tracing.Scan(kept[i].OTLP, func(v tracing.View, _ tracing.Rejection) {
			o.spans++
			o.bytes += int64(len(v.Raw()))
		}); err != nil {
			return err
		}
	}
	return nil
}

// TestTelemetrygenIsReceivedWhole has telemetrygen, unchanged, send to a collector: all spans that it says it made leave, or the ledger says why not.
func TestTelemetrygenIsReceivedWhole(t *testing.T) {
	t.Parallel()
	skipUnderRace(t) // which sees the same with the SDK's exporters
	program := installed(t)
	for _, protocol := range []string{"http", "grpc"} {
		for _, status := range []string{"Ok", "Error"} {
			t.Run(protocol+"/"+status, func(t *testing.T) {
				t.Parallel()
				receive(t, program, protocol, status)
			})
		}
	}
}

// receive keeps errors, and half of the rest.
func receive(t *testing.T, program, protocol, status string) {
	t.Helper()
	out := &counted{}
	c, err := collector.New(out, collector.Config{Policies: []sampling.Policy{sampling.Errors{}, sampling.Probability{P: 0.5}}})
	if err != nil {
		t.Fatal(err)
	}
	made := generate(t, program, listen(t, c, protocol), status, protocol == "http")
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := c.Ledger()
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d spans made, %d received, %d left", made, l.Received.Spans, out.spans)
	switch sum := l.Exported.Spans + l.SampledOut.Spans + l.SampledOutLate.Spans; {
	case made == 0 || l.Received.Spans != made || sum != made:
		t.Errorf("%d spans were made, the ledger says %+v", made, l)
	case out.spans != l.Exported.Spans || out.bytes != l.Exported.Bytes || l.InFlight != (collector.Count{}):
		t.Errorf("%d spans of %d bytes left, the ledger says %+v", out.spans, out.bytes, l)
	case status == "Error" && l.Exported != l.Received, status == "Ok" && l.SampledOut.Spans == 0:
		t.Errorf("of spans with status %s the ledger says %+v", status, l)
	}
}

// listen serves c and returns its address.
func listen(t *testing.T, c *collector.Collector, protocol string) string {
	t.Helper()
	if protocol == "http" {
		handler, err := otlp.NewHandler(c, otlp.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	if err := otlpgrpc.Register(server, c, otlpgrpc.Config{}); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// generate runs telemetrygen, slow enough for its own queue, and returns how many spans it says it made.
func generate(t *testing.T, program, addr, status string, overHTTP bool) (made int64) {
	t.Helper()
	const children = 4 // below each root
	cmd := exec.CommandContext(t.Context(), program, "traces", "--otlp-insecure", "--otlp-endpoint", addr, fmt.Sprint("--otlp-http=", overHTTP),
		"--traces", "150", "--workers", "2", "--rate", "200", "--child-spans", fmt.Sprint(children), "--status-code", status)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for line := range strings.Lines(string(text)) {
		_, said, found := strings.Cut(line, "traces generated\t")
		if !found {
			continue
		}
		var count struct{ Traces int64 }
		if err := json.Unmarshal([]byte(said), &count); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		made += count.Traces * (1 + children)
	}
	return made
}
