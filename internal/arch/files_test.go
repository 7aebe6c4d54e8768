package arch_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// ownFiles lists the files that write or rename without internal/atomicfile, with the reason.
func ownFiles() map[string]string {
	return map[string]string{
		"cmd/paywatt/vmeter.go":                          "a recording must survive the program that writes it",
		"internal/bench/pgbench.go":                      "a folder that the user of the database server enters",
		"internal/bench/settled.go":                      "a folder that the user of the database server enters",
		"internal/bench/shop.go":                         "a bench",
		"internal/bench/against.go":                      "a bench",
		"internal/bench/store_postgres.go":               "a folder that the user of the database server enters",
		"internal/bench/vend_postgres.go":                "a folder that the user of the database server enters",
		"internal/bench/memory_linux.go":                 "a setting of the kernel",
		"internal/demo/server.go":                        "a file in a private folder",
		"internal/store/sqlite/sqlitetest/sqlitetest.go": "files of a test",
		"internal/device/card/card.go":                   "sets a damaged file of a memory card aside",
		"internal/device/memory/file.go":                 "keeps the new file open",
		"internal/store/headlog/headlog.go":              "keeps the new file open",
		"internal/store/sqlite/backup.go":                "a restore moves files that are complete, and can undo each move",
		"internal/store/sqlite/disk.go":                  "the reserve is the file that a full disk gives back",
		"internal/store/storetest/findings.go":           "support of tests", "internal/store/storetest/transcript.go": "support of tests",
		"internal/store/frozen/frozen.go":          "support of tests",
		"internal/store/postgres/pgtest/pgtest.go": "support of tests", "internal/store/postgres/pgtest/thief.go": "support of tests",
	}
}

// TestFilesAreWrittenInOneWay checks that files and folders appear complete or not at all, whatever ends the program: whoever makes, renames
// or links one uses internal/atomicfile.
func TestFilesAreWrittenInOneWay(t *testing.T) {
	writing := []string{"Create", "CreateTemp", "WriteFile", "MkdirTemp", "Rename", "Link"}
	used := map[string]bool{}
	for _, f := range files(t) {
		where := f.dir + "/" + f.name
		if f.test() || f.dir == "internal/atomicfile" || strings.HasPrefix(f.dir, "e2e") || strings.HasPrefix(f.dir, "tools") || strings.HasPrefix(f.dir, "examples") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			s, is := n.(*ast.SelectorExpr)
			if !is || !slices.Contains(writing, s.Sel.Name) {
				return true
			}
			if x, is := s.X.(*ast.Ident); !is || x.Name != "os" {
				return true
			}
			used[where] = true
			if ownFiles()[where] == "" {
				t.Errorf("%s: os.%s: use internal/atomicfile, or give the reason in ownFiles", f.set.Position(s.Pos()), s.Sel.Name)
			}
			return true
		})
	}
	for where := range ownFiles() {
		if !used[where] {
			t.Errorf("%s needs no exception any more", where)
		}
	}
}
