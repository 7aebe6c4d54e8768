package api

import (
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestEveryBodyIsATypeOfTheVocabulary: each schema of the OpenAPI document is made from a type of api/apiv1. It may also be made from a
// type of this package that has no fields, or that embeds a type of api/apiv1 and adds only fields that are not in the JSON.
func TestEveryBodyIsATypeOfTheVocabulary(t *testing.T) {
	a, err := New(Config{Languages: wordstest.Languages(t), Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	schemas := a.routes(http.NewServeMux()).Components.Schemas
	if len(schemas.Map()) < 100 {
		t.Errorf("only %d schemas", len(schemas.Map()))
	}
	for name := range schemas.Map() {
		is := schemas.TypeFromRef("#/components/schemas/" + name)
		for is.PkgPath() == reflect.TypeFor[API]().PkgPath() && is.NumField() > 0 && is.Field(0).Anonymous {
			for i := 1; i < is.NumField(); i++ {
				if f := is.Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
					t.Errorf("schema %s has the field %s of package api", name, f.Name)
				}
			}
			is = is.Field(0).Type
		}
		if is.PkgPath() != reflect.TypeFor[apiv1.Meter]().PkgPath() && is.NumField() > 0 {
			t.Errorf("schema %s is made from %s", name, is)
		}
	}
}
