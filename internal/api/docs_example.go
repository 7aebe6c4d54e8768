package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// exampleDepth is how many objects inside each other an example has at most.
const exampleDepth = 6

// examplesOf writes a call of an operation in several languages. The values come from the document: the example of each field, or the
// simplest value that its type allows.
func examplesOf(spec *huma.OpenAPI, path string, op *huma.Operation) []docsExample {
	query, key := url.Values{}, false
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(pathExample(p.Name)))
		case p.In == "query" && p.Required:
			query.Set(p.Name, plain(exampleOf(spec, p.Schema, 0)))
		case p.Name == "Idempotency-Key":
			key = true
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	body, kind := "", jsonType
	if op.RequestBody != nil {
		if c := op.RequestBody.Content[jsonType]; c != nil {
			body = indented(exampleOf(spec, c.Schema, 0))
		} else if op.RequestBody.Content["text/csv"] != nil {
			body, kind = "number,mode,tariff\n04140001001,prepay_token,domestic\n", "text/csv"
		}
	}
	open := op.Security != nil && len(op.Security) == 0 || slices.ContainsFunc(op.Security, func(s map[string][]string) bool { return len(s) == 0 })
	return []docsExample{{"curl", curlExample(op.Method, path, body, kind, key, open)}, {"Go", goExample(op.Method, path, body, kind, key, open)},
		{"Python", pythonExample(op.Method, path, body, kind, key, open)}}
}

// pathExample is the value of a part of a path.
func pathExample(name string) string {
	switch name {
	case "meter", "id":
		return "04140001001"
	case "tariff":
		return "domestic"
	case "size":
		return "1"
	}
	return "example"
}

// exampleOf returns an example of a schema as a JSON value.
func exampleOf(spec *huma.OpenAPI, s *huma.Schema, depth int) any {
	if s == nil || depth > exampleDepth {
		return nil
	}
	if name := refName(s); name != "" {
		s = spec.Components.Schemas.Map()[name]
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Default != nil:
		return s.Default
	case len(s.OneOf) > 0:
		return exampleOf(spec, s.OneOf[0], depth+1)
	}
	switch s.Type {
	case huma.TypeObject:
		out := map[string]any{}
		for name, p := range s.Properties {
			if slices.Contains(s.Required, name) || len(p.Examples) > 0 {
				out[name] = exampleOf(spec, p, depth+1)
			}
		}
		return out
	case huma.TypeArray:
		return []any{exampleOf(spec, s.Items, depth+1)}
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		return 1
	}
	switch s.Format {
	case "date-time":
		return "2026-11-20T08:00:00Z"
	case "date":
		return "2026-11-20"
	}
	return "example"
}

// plain writes a value as a part of an address.
func plain(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func indented(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return "{}" // cannot happen: the document was read from JSON types
	}
	return strings.TrimSpace(b.String())
}

// curlExample is a command line for a POSIX shell.
func curlExample(method, path, body, kind string, key, open bool) string {
	var b strings.Builder
	b.WriteString("curl")
	if method != "GET" {
		b.WriteString(" -X " + method)
	}
	if !open {
		b.WriteString(" -H \"Authorization: Bearer $PAYWATT_KEY\"")
	}
	if key {
		b.WriteString(" \\\n  -H \"Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)\"")
	}
	if body != "" {
		b.WriteString(" \\\n  -H \"Content-Type: " + kind + "\" \\\n  --data-binary '" + strings.ReplaceAll(body, "'", `'\''`) + "'")
	}
	b.WriteString(" \\\n  \"$PAYWATT_URL" + path + "\"\n")
	return b.String()
}

// goExample is a program for Go's standard library.
func goExample(method, path, body, kind string, key, open bool) string {
	imports := []string{"fmt", "io", "log", "net/http", "os"}
	var b strings.Builder
	data := "nil"
	if body != "" {
		imports, data = append(imports, "strings"), "strings.NewReader(body)"
		text := strconv.Quote(body)
		if strconv.CanBackquote(strings.ReplaceAll(body, "\n", "")) {
			text = "`" + body + "`"
		}
		b.WriteString("\tbody := " + text + "\n")
	}
	fmt.Fprintf(&b, "\trequest, err := http.NewRequest(%q, os.Getenv(\"PAYWATT_URL\")+%q, %s)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n", method, path, data)
	if !open {
		b.WriteString("\trequest.Header.Set(\"Authorization\", \"Bearer \"+os.Getenv(\"PAYWATT_KEY\"))\n")
	}
	if key {
		imports = append(imports, "crypto/rand")
		b.WriteString("\trequest.Header.Set(\"Idempotency-Key\", rand.Text())\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "\trequest.Header.Set(\"Content-Type\", %q)\n", kind)
	}
	b.WriteString("\tanswer, err := http.DefaultClient.Do(request)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\tdefer answer.Body.Close()\n" +
		"\ttext, err := io.ReadAll(answer.Body)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\tfmt.Println(answer.StatusCode, string(text))\n}\n")
	slices.Sort(imports)
	return "package main\n\nimport (\n\t\"" + strings.Join(imports, "\"\n\t\"") + "\"\n)\n\nfunc main() {\n" + b.String()
}

// pythonExample is a program for Python's standard library.
func pythonExample(method, path, body, kind string, key, open bool) string {
	var b strings.Builder
	b.WriteString("import os, urllib.error, urllib.request")
	if key {
		b.WriteString(", uuid")
	}
	data := "None"
	if body != "" {
		b.WriteString("\n\nbody = r'''" + body + "'''.encode()")
		data = "body"
	}
	fmt.Fprintf(&b, "\nrequest = urllib.request.Request(os.environ[\"PAYWATT_URL\"] + %q, method=%q, data=%s)\n", path, method, data)
	if !open {
		b.WriteString("request.add_header(\"Authorization\", \"Bearer \" + os.environ[\"PAYWATT_KEY\"])\n")
	}
	if key {
		b.WriteString("request.add_header(\"Idempotency-Key\", str(uuid.uuid4()))\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "request.add_header(\"Content-Type\", %q)\n", kind)
	}
	b.WriteString("try:\n    with urllib.request.urlopen(request) as answer:\n        print(answer.status, answer.read().decode())\n" +
		"except urllib.error.HTTPError as problem:\n    print(problem.code, problem.read().decode())\n")
	return b.String()
}
