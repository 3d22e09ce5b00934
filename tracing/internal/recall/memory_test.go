package recall_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/recall"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// of returns views of spans whose resources are that large.
func of(t *testing.T, sizes ...int) []tracing.View {
	t.Helper()
	var spans []tracing.Span
	for i, size := range sizes {
		r := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.Int("number", i), attribute.ByteSlice("pad", make([]byte, size))}}
		spans = append(spans, tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Resource: r}, tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{2}, Resource: r})
	}
	var views []tracing.View
	if err := tracing.Scan(tracing.Encode(spans), func(v tracing.View, _ tracing.Rejection) { views = append(views, v) }); err != nil {
		t.Fatal(err)
	}
	return views
}

func odd(v tracing.View) bool {
	number, _ := v.Resource("number")
	return number.AsInt64()%2 == 1
}

func TestAnswersAreAskedForOnceWhereThatIsDear(t *testing.T) {
	var m recall.Memory
	asked := 0
	views := of(t, 10_000, 20_000, 10)
	for range 3 {
		for i := range views {
			got := m.Resource(views[i].Origin(), func() bool { asked++; return odd(views[i]) })
			if got != odd(views[i]) {
				t.Errorf("view %d: %v", i, got)
			}
		}
	}
	if want := 1 + 1 + 6; asked != want { // Of the small resource each time.
		t.Errorf("asked %d times, want %d", asked, want)
	}
}

// A request may have one resource in many scopes.
func TestAResourceIsThatOfAllItsScopes(t *testing.T) {
	r := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("pad", strings.Repeat("x", 10_000))}}
	var spans []tracing.Span
	for i := range 5 {
		spans = append(spans, tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Resource: r, Scope: &tracing.Scope{Name: strings.Repeat("x", 3000*i)}})
	}
	var m recall.Memory
	resources, scopes := 0, 0
	if err := tracing.Scan(tracing.Encode(spans), func(v tracing.View, _ tracing.Rejection) {
		for range 2 {
			m.Resource(v.Origin(), func() bool { resources++; return true })
			m.Scope(v.Origin(), func() bool { scopes++; return true })
		}
	}); err != nil {
		t.Fatal(err)
	}
	if resources != 1 || scopes != 2*2+3 { // Two scopes are small.
		t.Errorf("asked %d times about a resource, %d about 5 scopes", resources, scopes)
	}
}

// However many there are, the answers are right.
func TestAnswersAreThoseOfTheirOrigins(t *testing.T) {
	var m recall.Memory
	sizes := make([]int, 1500)
	for i := range sizes {
		sizes[i] = 4096
	}
	views := of(t, sizes...)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := range views {
				if m.Resource(views[i].Origin(), func() bool { return odd(views[i]) }) != odd(views[i]) {
					t.Errorf("view %d: wrong", i)
				}
			}
		})
	}
	wg.Wait()
}

func TestOriginsAreNotHeld(t *testing.T) {
	var m recall.Memory
	gone := make(chan struct{})
	func() {
		v := of(t, 10_000)[0]
		runtime.AddCleanup(v.Origin(), func(gone chan struct{}) { close(gone) }, gone)
		m.Resource(v.Origin(), func() bool { return odd(v) })
	}()
	for range 10 {
		runtime.GC()
		select {
		case <-gone:
			runtime.KeepAlive(&m)
			return
		default:
			runtime.Gosched()
		}
	}
	<-gone // The test ends by its timeout if it is held.
}
