package bench_test

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing/tracingtest"
)

// otelcolBinary names the OpenTelemetry Collector in the environment: make bench-collector-vs-otelcol builds it from testdata/otelcol.yaml.
const otelcolBinary = "TENON_OTELCOL"

// otelcolConfig holds traces in its tail sampler for as long as ours does, and keeps the same of them; or, by default, as it comes.
const (
	otelcolConfig = `
receivers: {otlp: {protocols: {http: {endpoint: %s}, grpc: {endpoint: %s}}}}
processors:
  tail_sampling:
    %s
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
      - {name: slow, type: latency, latency: {threshold_ms: 4000}}
      - {name: tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
exporters: {nop: {}}
service:
  telemetry:
    logs: {level: error}
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
  pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [nop]}}
`
	otelcolTuned = `decision_wait: 5s
    num_traces: 400000
    decision_cache: {sampled_cache_size: 1000000, non_sampled_cache_size: 1000000}
    num_shards: %d`
)

// startOtelcol starts the peer, and waits until it listens.
func startOtelcol(tb testing.TB, settings string) *process {
	tb.Helper()
	binary := os.Getenv(otelcolBinary)
	if binary == "" {
		tb.Skipf("%s names no collector: make bench-collector-vs-otelcol builds one", otelcolBinary)
	}
	p := &process{tb: tb, addrs: map[string]string{"http": unused(tb), "grpc": unused(tb), "metrics": unused(tb)}}
	_, port, err := net.SplitHostPort(p.addrs["metrics"])
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "otelcol.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, otelcolConfig, p.addrs["http"], p.addrs["grpc"], settings, port), 0o600); err != nil {
		tb.Fatal(err)
	}
	p.cmd = exec.CommandContext(tb.Context(), binary, "--config", file) //nolint:gosec // Who names a program means it.
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", p.addrs["grpc"]); err == nil {
			_ = conn.Close() // It was for the answer only.
			return p
		} else if time.Since(begin) > 30*time.Second {
			tb.Fatal(err)
		}
	}
}

// unused returns an address of this machine where nobody listens.
func unused(tb testing.TB) string {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// metric returns the sum of a metric of the peer over its labels.
func (p *process) metric(name string) (sum float64) {
	p.tb.Helper()
	answer, err := http.Get("http://" + p.addrs["metrics"] + "/metrics") //nolint:noctx // A look at a process of this machine.
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, name) {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &value); err != nil {
			p.tb.Fatal(err)
		}
		sum += value
	}
	return sum
}

// BenchmarkCollectorVsOtelcol sends the same to both, in one run: their time a span at full rate, and their memory at 100,000 spans/s. Of the
// peer, with one shard and with two, the better figure counts. x-cpu and x-rss are its time, and our memory, over the other's.
func BenchmarkCollectorVsOtelcol(b *testing.B) {
	for _, protocol := range []string{"http", "grpc"} {
		b.Run(protocol, func(b *testing.B) {
			for b.Loop() {
				cpu, rss := measure(b, protocol, func() *process { return startCollector(b, roomy, 0) }, func(p *process) { p.end() })
				theirCPU, theirRSS := math.Inf(1), math.Inf(1)
				for shards := 1; shards <= 2; shards++ {
					oneCPU, oneRSS := measure(b, protocol, func() *process { return startOtelcol(b, fmt.Sprintf(otelcolTuned, shards)) }, (*process).kill)
					theirCPU, theirRSS = min(theirCPU, oneCPU), min(theirRSS, oneRSS)
				}
				b.ReportMetric(cpu, "cpu-ns/span")
				b.ReportMetric(theirCPU, "otelcol-cpu-ns/span")
				b.ReportMetric(theirCPU/cpu, "x-cpu")
				b.ReportMetric(rss, "MB")
				b.ReportMetric(theirRSS, "otelcol-MB")
				b.ReportMetric(rss/theirRSS, "x-rss")
			}
			b.ReportMetric(0, "ns/op") // That of the plan.
		})
	}
}

// measure returns the time a span in nanoseconds, and the memory in MB.
func measure(b *testing.B, protocol string, start func() *process, end func(*process)) (cpu, rss float64) {
	b.Helper()
	p := start()
	full := atFullRate(b, p, dial(b, p, protocol))
	end(p)
	p = start()
	steady(b, dial(b, p, protocol))
	rss = float64(p.peak()) / 1e6
	end(p)
	return float64(full.cpu.Nanoseconds()) / float64(full.spans), rss
}

// BenchmarkOtelcolLoss has the load of the loss test in the peer as it comes, with the same policies: how many of the traces that it acknowledged
// it drops before it decides about them, and how many requests it refuses.
func BenchmarkOtelcolLoss(b *testing.B) {
	for b.Loop() {
		p := startOtelcol(b, "decision_wait: 30s")
		toll := tracingtest.Storm{Rate: stormRate, For: overloadFor, Send: dial(b, p, "http")}.Run(b.Context())
		time.Sleep(35 * time.Second) // Until it has decided about all that it still has.
		lost := p.metric("otelcol_processor_tail_sampling_sampling_trace_dropped_too_early")
		opened := p.metric("otelcol_processor_tail_sampling_new_trace_id_received")
		b.ReportMetric(float64(p.peak())/1e6, "MB")
		p.kill()
		if toll.Failed != nil || opened == 0 {
			b.Errorf("%v traces came: %v", opened, toll.Failed)
		}
		b.ReportMetric(float64(toll.Traces)/overloadFor.Seconds(), "traces/s")
		b.ReportMetric(float64(toll.Refused), "refused")
		b.ReportMetric(100*lost/opened, "lost-%")
	}
	b.ReportMetric(0, "ns/op")
}
