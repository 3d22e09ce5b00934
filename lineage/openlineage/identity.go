package openlineage

import (
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

// StripPartitions is a lineage.Config.Identity that takes the partitions off the end of a
// path: /warehouse/orders/dt=2024-01-01/hour=03 is /warehouse/orders. A name that is
// nothing but partitions stays.
func StripPartitions(ref lineage.DatasetRef) lineage.DatasetRef {
	path := strings.TrimRight(ref.Name, "/")
	for {
		slash := strings.LastIndexByte(path, '/')
		if key, _, ok := strings.Cut(path[slash+1:], "="); slash <= 0 || !ok || key == "" {
			break
		}
		path = strings.TrimRight(path[:slash], "/")
		ref.Name = path
	}
	return ref
}

// FoldCase returns a lineage.Config.Identity that puts the names in some namespaces into
// lower case, for systems that do not distinguish. No namespaces means all.
func FoldCase(namespaces ...string) func(lineage.DatasetRef) lineage.DatasetRef {
	namespaces = slices.Clone(namespaces)
	return func(ref lineage.DatasetRef) lineage.DatasetRef {
		if len(namespaces) == 0 || slices.Contains(namespaces, ref.Namespace) {
			ref.Name = strings.ToLower(ref.Name)
		}
		return ref
	}
}
