package otelmetric

import (
	"context"
	"errors"

	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The attributes.
const (
	nameKey    = attribute.Key("name")
	outcomeKey = attribute.Key("outcome")
)

// Register makes the observable instruments of meter show guards, until the registration is unregistered. The guards must not be nil. An error
// is one of the meter, which then observes nothing.
func Register(meter metric.Meter, guards ...*guard.Guard) (metric.Registration, error) {
	var o observer
	if err := o.open(meter); err != nil {
		return nil, err
	}
	for _, g := range guards {
		o.guards = append(o.guards, observed{
			guard:     g,
			name:      attributes(g.Name()),
			full:      attributes(g.Name(), outcomeKey.String("full")),
			shed:      attributes(g.Name(), outcomeKey.String("shed")),
			waitedOut: attributes(g.Name(), outcomeKey.String("waited_out")),
		})
	}
	return meter.RegisterCallback(o.observe, o.hedges, o.state, o.inUse, o.limit, o.waiting, o.rejected)
}

// attributes returns the attributes of a guard and more.
func attributes(name string, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(more, nameKey.String(name))...))
}

// observer has the instruments and what they show.
type observer struct {
	guards []observed

	hedges, rejected      metric.Int64ObservableCounter
	state                 metric.Int64ObservableGauge
	inUse, limit, waiting metric.Int64ObservableUpDownCounter
}

// observed is a guard with its attributes.
type observed struct {
	guard                       *guard.Guard
	name, full, shed, waitedOut metric.MeasurementOption
}

// open makes the instruments.
func (o *observer) open(meter metric.Meter) error {
	var errs [6]error
	o.hedges, errs[0] = meter.Int64ObservableCounter("tenon.call.hedges",
		metric.WithUnit("{hedge}"), metric.WithDescription("Attempts that left while another one of their call was out."))
	o.state, errs[1] = meter.Int64ObservableGauge("tenon.breaker.state",
		metric.WithDescription("0 closed, 1 open, 2 half-open, 3 forced-open, 4 disabled, 5 metrics-only."))
	o.inUse, errs[2] = meter.Int64ObservableUpDownCounter("tenon.bulkhead.in_use",
		metric.WithUnit("{call}"), metric.WithDescription("Slots that calls have."))
	o.limit, errs[3] = meter.Int64ObservableUpDownCounter("tenon.bulkhead.limit",
		metric.WithUnit("{call}"), metric.WithDescription("Slots that there are."))
	o.waiting, errs[4] = meter.Int64ObservableUpDownCounter("tenon.bulkhead.waiting",
		metric.WithUnit("{call}"), metric.WithDescription("Calls that wait for a slot."))
	o.rejected, errs[5] = meter.Int64ObservableCounter("tenon.bulkhead.rejected",
		metric.WithUnit("{call}"), metric.WithDescription("Calls that were refused a slot: all was full, a higher priority took their place, or they waited for too long."))
	return errors.Join(errs[:]...)
}

// observe reads the numbers of all guards.
func (o *observer) observe(_ context.Context, to metric.Observer) error {
	for _, g := range o.guards {
		s := g.guard.Stats()
		to.ObserveInt64(o.hedges, total(s.Hedges), g.name)
		if s.Breaker != nil {
			to.ObserveInt64(o.state, int64(s.Breaker.State), g.name)
		}
		if s.Bulkhead != nil {
			o.slots(to, g, *s.Bulkhead)
		}
	}
	return nil
}

// slots shows the numbers of a bulkhead.
func (o *observer) slots(to metric.Observer, g observed, s bulkhead.Stats) {
	to.ObserveInt64(o.inUse, int64(s.InUse), g.name)
	to.ObserveInt64(o.limit, int64(s.Limit), g.name)
	to.ObserveInt64(o.waiting, int64(s.Waiting), g.name)
	to.ObserveInt64(o.rejected, total(s.Rejected-s.Shed-s.WaitedOut), g.full)
	to.ObserveInt64(o.rejected, total(s.Shed), g.shed)
	to.ObserveInt64(o.rejected, total(s.WaitedOut), g.waitedOut)
}

// total returns a count as instruments take it.
func total(n uint64) int64 {
	return int64(n) //nolint:gosec // it counts calls one by one
}
