package client

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// list asks for a page of a list.
func list[F, T any](ctx context.Context, c *Client, l apiv1.Listing[F, T], f F) (apiv1.List[T], error) {
	path, q := l.Path, url.Values{}
	address(reflect.ValueOf(f), &path, q)
	return ask[apiv1.List[T]](ctx, c, get(path, q))
}

// address puts the fields of a filter where their tags say: path fields into the path, and query fields that are not zero
// into the query.
func address(f reflect.Value, path *string, q url.Values) {
	for i := range f.NumField() {
		field, v := f.Type().Field(i), f.Field(i)
		switch name := field.Tag.Get("query"); {
		case field.Anonymous:
			address(v, path, q)
		case name == "":
			name = field.Tag.Get("path")
			*path = strings.Replace(*path, "{"+name+"}", url.PathEscape(v.String()), 1)
		case !v.IsZero():
			q.Set(name, text(v.Interface()))
		}
	}
}

func text(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
