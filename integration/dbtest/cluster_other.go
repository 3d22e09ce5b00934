//go:build !unix

package dbtest

import "fmt"

func startCluster() (postgres, error) {
	return postgres{}, fmt.Errorf("%w: TENON_POSTGRES_DSN is not set, and a cluster can be started on Unix only", errNone)
}
