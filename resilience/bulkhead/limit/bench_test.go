package limit_test

import (
	"testing"

	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// BenchmarkUpdate is one sample, of which an adaptive semaphore feeds one per window.
func BenchmarkUpdate(b *testing.B) {
	gradient2, err := limit.NewGradient2(limit.Gradient2Config{})
	if err != nil {
		b.Fatal(err)
	}
	vegas, err := limit.NewVegas(limit.VegasConfig{})
	if err != nil {
		b.Fatal(err)
	}
	for name, alg := range map[string]limit.Algorithm{"gradient2": gradient2, "vegas": vegas} {
		b.Run(name, func(b *testing.B) {
			s := ms(10, 100)
			b.ReportAllocs()
			for b.Loop() {
				alg.Update(s)
			}
		})
	}
}
