package openlineage_test

import (
	"testing"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

func TestStripPartitions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"/w/orders/dt=2024-01-01":            "/w/orders",
		"/w/orders/dt=2024-01-01/hour=03":    "/w/orders",
		"/w/orders/dt=2024-01-01/":           "/w/orders",
		"w/orders/dt=":                       "w/orders",
		"/w/orders/":                         "/w/orders/",
		"/w/dt=1/orders":                     "/w/dt=1/orders",
		"dt=2024-01-01":                      "dt=2024-01-01",
		"/dt=2024-01-01":                     "/dt=2024-01-01",
		"/w/=x":                              "/w/=x",
		"public.orders":                      "public.orders",
		"":                                   "",
		"/w/dt=1//hour=2":                    "/w",
		"/w/orders/a=1/part-0.parquet":       "/w/orders/a=1/part-0.parquet",
		"abfss://c@a/w/orders/country=de/y=": "abfss://c@a/w/orders",
	} {
		ref := lineage.DatasetRef{Namespace: "s3://b", Name: name}
		got := openlineage.StripPartitions(ref)
		if got.Name != want || got.Namespace != ref.Namespace {
			t.Errorf("%q: %q, want %q", name, got.Name, want)
		}
		if again := openlineage.StripPartitions(got); again != got {
			t.Errorf("%q: stripped again %q", name, again.Name)
		}
	}
}

func TestFoldCase(t *testing.T) {
	t.Parallel()
	namespaces := []string{"snowflake://a"}
	fold := openlineage.FoldCase(namespaces...)
	namespaces[0] = "changed"
	for _, c := range []struct{ in, want lineage.DatasetRef }{
		{lineage.DatasetRef{Namespace: "snowflake://a", Name: "DB.Orders"}, lineage.DatasetRef{Namespace: "snowflake://a", Name: "db.orders"}},
		{lineage.DatasetRef{Namespace: "s3://B", Name: "Orders"}, lineage.DatasetRef{Namespace: "s3://B", Name: "Orders"}},
	} {
		if got := fold(c.in); got != c.want {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	if got := openlineage.FoldCase()(lineage.DatasetRef{Namespace: "X", Name: "Y"}); got != (lineage.DatasetRef{Namespace: "X", Name: "y"}) {
		t.Errorf("all: %v", got)
	}
}
