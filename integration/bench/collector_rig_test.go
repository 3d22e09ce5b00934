package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// connections is how many there are from the process that sends.
const connections = 4

// A process is a collector that runs beside this one.
type process struct {
	tb    testing.TB
	cmd   *exec.Cmd
	addrs map[string]string // by protocol
	in    io.WriteCloser
	lines *bufio.Scanner
}

// startCollector starts this program as a collector.
func startCollector(tb testing.TB, limit int64, rate int) *process {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0]) //nolint:gosec // This very program.
	cmd.Env = append(os.Environ(), fmt.Sprint(collectorLimit, "=", limit), fmt.Sprint(outputRate, "=", rate))
	cmd.Stderr = os.Stderr
	p := &process{tb: tb, cmd: cmd, addrs: map[string]string{}}
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	for len(p.addrs) < 2 && p.lines.Scan() {
		protocol, addr, _ := strings.Cut(p.lines.Text(), " ")
		p.addrs[protocol] = addr
	}
	if len(p.addrs) < 2 {
		tb.Fatalf("the collector does not start: %v", cmd.Wait())
	}
	return p
}

// end ends a collector of ours, and returns which traces left and how many spans it received. Its ledger was balanced.
func (p *process) end() (left map[trace.TraceID]bool, received int) {
	p.tb.Helper()
	if _, err := io.WriteString(p.in, "end\n"); err != nil {
		p.tb.Fatal(err)
	}
	left = map[trace.TraceID]bool{}
	for p.lines.Scan() {
		what, value, _ := strings.Cut(p.lines.Text(), " ")
		switch what {
		case "left":
			id, err := trace.TraceIDFromHex(value)
			if err != nil {
				p.tb.Fatal(err)
			}
			left[id] = true
		case "received":
			received, _ = strconv.Atoi(value) // It is a number.
		}
	}
	if err := p.cmd.Wait(); err != nil {
		p.tb.Fatalf("the collector failed: %v", err)
	}
	return left, received
}

// kill ends what knows no other way.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil {
		p.tb.Error(err)
	}
	_ = p.cmd.Wait() // It was killed.
}

// ticksPerSecond is the unit of times in /proc on Linux.
const ticksPerSecond = 100

// cpu is the time that the process took so far, by users and system.
func (p *process) cpu() time.Duration {
	p.tb.Helper()
	text := p.proc("stat")
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime: fields 14 and 15 of the whole.
		n, err := strconv.Atoi(field)
		if err != nil {
			p.tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// peak is the most memory that the process had resident, in bytes.
func (p *process) peak() int64 {
	p.tb.Helper()
	for line := range strings.Lines(p.proc("status")) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	p.tb.Fatal("no VmHWM in /proc")
	return 0
}

func (p *process) proc(file string) string {
	p.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	if err != nil {
		p.tb.Skipf("only where there is /proc: %v", err)
	}
	return string(text)
}

// A send sends a request once. It is safe for as many at once as there are connections.
type send func(ctx context.Context, req []byte) error

// dial returns what sends to a process over HTTP or gRPC, uncompressed.
func dial(tb testing.TB, p *process, protocol string) send {
	tb.Helper()
	if protocol == "http" {
		return overHTTP(tb, "http://"+p.addrs[protocol]+"/v1/traces")
	}
	return overGRPC(tb, p.addrs[protocol])
}

func overHTTP(tb testing.TB, url string) send {
	tb.Helper()
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, WriteBufferSize: 64 << 10}
	tb.Cleanup(transport.CloseIdleConnections)
	return func(ctx context.Context, body []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		answer, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable:
			seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // None is 0, which is counted.
			return &tracing.OverloadError{RetryAfter: time.Duration(seconds) * time.Second}
		case answer.StatusCode != http.StatusOK:
			return fmt.Errorf("status %d: %q", answer.StatusCode, text)
		}
		return nil
	}
}

// verbatim is a codec of requests that are encoded already.
type verbatim struct{}

func (verbatim) Name() string { return "proto" }

func (verbatim) Marshal(v any) (mem.BufferSlice, error) {
	body, ok := v.([]byte)
	if !ok {
		return nil, errors.New("want bytes")
	}
	return mem.BufferSlice{mem.SliceBuffer(body)}, nil
}

func (verbatim) Unmarshal(mem.BufferSlice, any) error { return nil }

func overGRPC(tb testing.TB, addr string) send {
	tb.Helper()
	var conns []*grpc.ClientConn
	for range connections {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(verbatim{})))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	var turn atomic.Uint64
	return func(ctx context.Context, body []byte) error {
		conn := conns[turn.Add(1)%connections]
		err := conn.Invoke(ctx, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", body, &emptypb.Empty{})
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.RetryInfo); ok {
				return &tracing.OverloadError{RetryAfter: info.GetRetryDelay().AsDuration()}
			}
		}
		return err
	}
}
