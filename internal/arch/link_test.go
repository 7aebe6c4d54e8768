package arch_test

import (
	"go/ast"
	"go/doc/comment"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vocabulary holds the names that the comments of a package may use.
type vocabulary struct {
	names   map[string]bool   // "Name" and "Type.Name" of methods, fields and methods of interfaces
	imports map[string]string // import paths of the package's files by name
}

// TestNamesInCommentsAreThere: every link in brackets in a comment leads to a name, to a member of a type, or to a name
// of an imported package. This is what go doc requires. A name without brackets, such as pkg.Name, must also exist if
// pkg is one of our packages.
func TestNamesInCommentsAreThere(t *testing.T) {
	all := files(t)
	of := map[string]*vocabulary{}
	for _, f := range all {
		v := of[f.dir]
		if v == nil {
			v = &vocabulary{names: map[string]bool{}, imports: map[string]string{}}
			of[f.dir] = v
		}
		v.add(f)
	}
	called := map[string][]string{} // the folders of packages by name
	for dir := range of {
		called[path.Base(dir)] = append(called[path.Base(dir)], dir)
	}
	seen, mention := 0, regexp.MustCompile(`\b([a-z0-9]+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)\b`)
	for _, f := range all {
		for _, group := range f.tree.Comments {
			for _, l := range links(of[f.dir], group.Text()) {
				seen++
				if why := dead(of, f.dir, l); why != "" {
					t.Errorf("%s: %s", f.set.Position(group.Pos()), why)
				}
			}
			for _, m := range mention.FindAllStringSubmatch(group.Text(), -1) {
				if dirs := called[m[1]]; len(dirs) > 0 && !slices.ContainsFunc(dirs, func(dir string) bool { return of[dir].names[m[2]] }) {
					t.Errorf("%s: %s: there is no such name", f.set.Position(group.Pos()), m[0])
				}
			}
		}
	}
	if seen < 200 {
		t.Errorf("found only %d links: the test looks at the wrong place", seen)
	}
}

// unknown is a prefix. If the package named in a link is not found, the link gets this prefix and the name as its import
// path.
const unknown = "?"

// links are the links of a comment, including broken ones.
func links(v *vocabulary, text string) []*comment.DocLink {
	var out []*comment.DocLink
	p := comment.Parser{
		LookupSym: func(_, _ string) bool { return true },
		LookupPackage: func(name string) (string, bool) {
			if p, std := comment.DefaultLookupPackage(name); v.imports[name] == "" && std {
				return p, true
			}
			if p := v.imports[name]; p != "" {
				return p, true
			}
			return unknown + name, true
		},
	}
	walk(p.Parse(text).Content, &out)
	return out
}

// walk collects the links of blocks.
func walk(blocks []comment.Block, out *[]*comment.DocLink) {
	for _, b := range blocks {
		var text []comment.Text
		switch b := b.(type) {
		case *comment.Paragraph:
			text = b.Text
		case *comment.Heading:
			text = b.Text
		case *comment.List:
			for _, item := range b.Items {
				walk(item.Content, out)
			}
		}
		for _, part := range text {
			if l, is := part.(*comment.DocLink); is && l.Name != "" {
				*out = append(*out, l)
			}
		}
	}
}

// dead returns why a link in a package leads nowhere, or an empty text if the link works.
func dead(of map[string]*vocabulary, dir string, l *comment.DocLink) string {
	name := l.Name
	if l.Recv != "" {
		name = l.Recv + "." + name
	}
	if pkg, is := strings.CutPrefix(l.ImportPath, unknown); is {
		return "[" + pkg + "." + name + "]: the package imports no " + pkg
	}
	if l.ImportPath != "" {
		inside, ours := strings.CutPrefix(l.ImportPath, module+"/")
		if !ours {
			return ""
		}
		dir = inside
	}
	if of[dir] == nil || !of[dir].names[name] {
		return "[" + path.Base(dir) + "." + name + "]: there is no such name"
	}
	return ""
}

// add records what a file declares and imports.
func (v *vocabulary) add(f file) {
	for _, imp := range f.tree.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if imp.Name != nil {
			name = imp.Name.Name
		}
		v.imports[name] = p
	}
	v.imports[f.tree.Name.Name] = module + "/" + f.dir
	for _, d := range f.tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			v.names[full(d)] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, n := range s.Names {
						v.names[n.Name] = true
					}
				case *ast.TypeSpec:
					v.names[s.Name.Name] = true
					v.members(s)
				}
			}
		}
	}
}

// members records the fields of a struct and the methods of an interface.
func (v *vocabulary) members(s *ast.TypeSpec) {
	var fields *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return
	}
	for _, field := range fields.List {
		for _, n := range field.Names {
			v.names[s.Name.Name+"."+n.Name] = true
		}
	}
}
