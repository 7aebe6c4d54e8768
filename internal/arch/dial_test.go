package arch_test

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"
)

// dialsItself lists the places outside internal/dial that make connections themselves, with the reason. The server does not call there at
// the choice of anybody who uses it.
func dialsItself() map[string]string {
	return map[string]string{
		"internal/dial":              "it judges the addresses of all others",
		"internal/store/postgres":    "the server's own database, from its settings, also by a Unix socket",
		"internal/gsm/bus":           "the client of the emulated radio of virtual modems",
		"internal/provider/outbound": "its client has the transport of package dial",
		"internal/poster":            "its client has the transport of package dial",
		"internal/gsm/hook":          "its client has the transport of package dial",
		"client":                     "the client of the API, which is another program",
	}
}

// TestEveryCallIsJudged finds code of the server that could call an address which nobody has judged. A client without a transport of its own, and
// a default of net/http, dial whatever they are given.
func TestEveryCallIsJudged(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range files(t) {
		in, layer, known := room(f.dir)
		if f.test() || !known || layer > 3 && in != "internal/app" || layer < 0 {
			continue
		}
		for _, use := range dials(f.tree) {
			place := f.dir
			for ; place != "." && dialsItself()[place] == ""; place = parent(place) {
			}
			if place == "." {
				t.Errorf("%s/%s uses %s: connect with internal/dial, which judges the address", f.dir, f.name, use)
				continue
			}
			seen[place] = true
			withTransport := strings.HasPrefix(dialsItself()[place], "its client")
			if withTransport && use != "http.Client with a transport" {
				t.Errorf("%s/%s uses %s: connect with internal/dial, which judges the address", f.dir, f.name, use)
			}
		}
	}
	for place := range dialsItself() {
		if !seen[place] {
			t.Errorf("%s does not connect itself any more: remove it from dialsItself", place)
		}
	}
}

// parent is the folder of a folder.
func parent(dir string) string {
	i := strings.LastIndex(dir, "/")
	if i < 0 {
		return "."
	}
	return dir[:i]
}

// dials lists what a file uses to make connections.
func dials(tree *ast.File) (uses []string) {
	names := importNames(tree)
	ast.Inspect(tree, func(n ast.Node) bool {
		if lit, is := n.(*ast.CompositeLit); is {
			if s, is := lit.Type.(*ast.SelectorExpr); is && s.Sel.Name == "Client" && packageOf(names, s) == "net/http" {
				uses = append(uses, "http.Client"+withTransport(lit))
			}
		}
		s, is := n.(*ast.SelectorExpr)
		if !is {
			return true
		}
		path := packageOf(names, s)
		switch what := s.Sel.Name; {
		case path == "net" || path == "crypto/tls" || path == "net/rpc" || path == "net/smtp":
			if strings.HasPrefix(what, "Dial") {
				uses = append(uses, path+"."+what)
			}
		case path == "net/http" && (what == "DefaultClient" || what == "DefaultTransport" || what == "Transport" || what == "Get" || what == "Post" || what == "PostForm" || what == "Head"):
			uses = append(uses, "http."+what)
		}
		return true
	})
	return uses
}

// importNames returns the paths of the packages that a file imports, by the names that they have in it.
func importNames(tree *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range tree.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := strings.TrimSuffix(path, "/v2")
		name = name[strings.LastIndex(name, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = path
	}
	return names
}

// packageOf returns the path of the package that a selector names, or "" if it names something else.
func packageOf(names map[string]string, s *ast.SelectorExpr) string {
	x, is := s.X.(*ast.Ident)
	if !is || x.Obj != nil {
		return ""
	}
	return names[x.Name]
}

// withTransport says whether a client has a transport of its own.
func withTransport(lit *ast.CompositeLit) string {
	for _, e := range lit.Elts {
		if kv, is := e.(*ast.KeyValueExpr); is {
			if key, is := kv.Key.(*ast.Ident); is && key.Name == "Transport" {
				return " with a transport"
			}
		}
	}
	return ""
}
