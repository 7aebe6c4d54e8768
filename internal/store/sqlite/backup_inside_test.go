package sqlite

// Tests of the steps of a backup and of a restore, each on a folder of its own.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// folder makes a folder with files. A name with a slash at the end is a folder, and a text that begins with "->" makes a link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, text := filepath.Join(dir, name), files[name]
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		switch to, link := strings.CutPrefix(text, "->"); {
		case strings.HasSuffix(name, "/"):
			err = errors.Join(err, os.MkdirAll(path, 0o700))
		case link:
			err = errors.Join(err, os.Symlink(to, path))
		default:
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents lists what is in a folder, such as "a=1 sub/ sub/b=2".
func contents(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			out = append(out, name+"/")
			return nil
		}
		text, err := os.ReadFile(path)
		out = append(out, name+"="+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// absent is a folder that does not exist.
func absent(t *testing.T) string { return filepath.Join(t.TempDir(), "absent") }

// TestWhatABackupTakesBesidesTheDatabase is every key, the key store, the settings and the heads, and nothing else.
func TestWhatABackupTakesBesidesTheDatabase(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.key": "", "seal.key": "", "keystore": "", "keystore.json": "", "paywatt.toml": "", "heads.log": "",
		".hidden.key": "", ".keystore": "", "a.key.lock": "", "keystore.lock": "", "data.lock": "", "paywatt.db": "", "paywatt.db-wal": "", "notes.txt": "",
		"paywatt.toml.old": "", "old-heads.log": "", "folder.key/": "", "keystore.d/x.key": "", "link.key": "->a.key",
	})
	got, err := companions(dir)
	if want := []string{"a.key", "heads.log", "keystore", "keystore.json", "paywatt.toml", "seal.key"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	taken, err := occupants(dir)
	if want := []string{"paywatt.db", "paywatt.db-wal", "a.key", "heads.log", "keystore", "keystore.json", "paywatt.toml", "seal.key"}; err != nil || !slices.Equal(taken, want) {
		t.Errorf("a restore would overwrite %q, %v, want %q", taken, err, want)
	}
	for name, fn := range map[string]func(string) error{
		"companions":      func(dir string) error { _, err := companions(dir); return err },
		"occupants":       func(dir string) error { _, err := occupants(dir); return err },
		"copyCompanions":  func(dir string) error { return copyCompanions(dir, dir, func(string) bool { return true }) },
		"CheckKeysFolder": func(dir string) error { return CheckKeysFolder(dir, folder(t, map[string]string{"x": ""})) },
		"CopyKeys":        func(dir string) error { return CopyKeys(dir, absent(t)) },
	} {
		if err := fn(absent(t)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a folder that is not there: %v", name, err)
		}
	}
}

// TestOnlyWantedFilesAreCopied and an error names the file.
func TestOnlyWantedFilesAreCopied(t *testing.T) {
	dir, to := folder(t, map[string]string{"a.key": "1", "b.key": "2", "heads.log": "3"}), t.TempDir()
	wanted := func(name string) bool { return name != "b.key" }
	if err := copyCompanions(dir, to, wanted); err != nil || contents(t, to) != "a.key=1 heads.log=3" {
		t.Errorf("%v, copied %q", err, contents(t, to))
	}
	if err := copyCompanions(dir, to, wanted); !errors.Is(err, fs.ErrExist) || !strings.HasPrefix(err.Error(), "copy a.key: ") {
		t.Errorf("a second time: %v", err)
	}
	if err := copyFile(filepath.Join(dir, "absent"), filepath.Join(to, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := copyFile(dir, filepath.Join(to, "folder")); err == nil {
		t.Error("a folder was copied as a file")
	}
	if info, err := os.Stat(filepath.Join(to, "a.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
}

// TestWhichCopiesOfKeysAreTheSame: those with the same content. Only the copy of a log of heads may be an older one.
func TestWhichCopiesOfKeysAreTheSame(t *testing.T) {
	for _, c := range []struct {
		name, is, was string
		want          bool
	}{
		{"a.key", "12", "12", true}, {"a.key", "12", "1", false}, {"a.key", "1", "12", false}, {"a.key", "12", "13", false}, {"a.key", "", "", true},
		{"heads.log", "12", "12", true}, {"heads.log", "12", "1", true}, {"heads.log", "12", "", true}, {"heads.log", "1", "12", false}, {"heads.log", "12", "2", false},
	} {
		is, was := folder(t, map[string]string{c.name: c.is}), folder(t, map[string]string{c.name: c.was})
		if got, err := sameKeys(filepath.Join(is, c.name), filepath.Join(was, c.name)); err != nil || got != c.want {
			t.Errorf("%s with %q, copied as %q: the same %t, %v", c.name, c.is, c.was, got, err)
		}
	}
	there := filepath.Join(folder(t, map[string]string{"a.key": "1", "heads.log": ""}), "a.key")
	if same, err := sameKeys(there, absent(t)); same || err != nil {
		t.Errorf("without a copy: %t, %v", same, err)
	}
	if same, err := sameKeys(there, filepath.Dir(there)); same || err == nil {
		t.Errorf("a folder instead of a copy: %t, %v", same, err)
	}
	for _, name := range []string{"a.key", "heads.log"} {
		if _, err := sameKeys(filepath.Join(absent(t), name), there); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a %s that is gone: %v", name, err)
		}
	}
}

// TestHeadsAreBroughtUpToDate in a folder that has the same keys already.
func TestHeadsAreBroughtUpToDate(t *testing.T) {
	for _, c := range []struct {
		name     string
		dir, to  map[string]string
		want     string
		notEmpty bool
	}{
		{"an empty folder", map[string]string{"a.key": "1", "heads.log": "h\n"}, nil, "a.key=1 heads.log=h\n", false},
		{"older heads", map[string]string{"a.key": "1", "heads.log": "h\ni\n"}, map[string]string{"a.key": "1", "heads.log": "h\n"}, "a.key=1 heads.log=h\ni\n", false},
		{"no heads", map[string]string{"a.key": "1"}, map[string]string{"a.key": "1"}, "a.key=1", false},
		{"heads are missing", map[string]string{"a.key": "1", "heads.log": "h\n"}, map[string]string{"a.key": "1"}, "a.key=1", true},
		{"another file", map[string]string{"a.key": "1"}, map[string]string{"a.key": "1", "x": ""}, "a.key=1 x=", true},
		{"another key", map[string]string{"a.key": "1"}, map[string]string{"a.key": "2"}, "a.key=2", true},
	} {
		to := folder(t, c.to)
		if err := CopyKeys(folder(t, c.dir), to); errors.Is(err, ErrNotEmpty) != c.notEmpty || err != nil && !c.notEmpty || contents(t, to) != c.want {
			t.Errorf("%s: %v, the folder has %q", c.name, err, contents(t, to))
		}
		if info, err := os.Stat(filepath.Join(to, "heads.log")); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others may read the heads: %v", c.name, info.Mode())
		}
	}
	if err := CheckKeysFolder(folder(t, map[string]string{"a.key": ""}), absent(t)); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	file := filepath.Join(folder(t, map[string]string{"x": ""}), "x")
	for _, check := range []func(dir, to string) error{CheckKeysFolder, CopyKeys} {
		if err := check(folder(t, map[string]string{"a.key": ""}), filepath.Join(file, "below")); err == nil || errors.Is(err, ErrNotEmpty) {
			t.Errorf("a folder inside a file: %v", err)
		}
	}
	if err := CheckKeysFolder(folder(t, map[string]string{"a.key": ""}), folder(t, map[string]string{"a.key/x": ""})); err == nil || errors.Is(err, ErrNotEmpty) {
		t.Errorf("a key that cannot be read: %v", err)
	}
}

// TestAManifestThatDoesNotFitIsRefused checks each rule of a manifest.
func TestAManifestThatDoesNotFitIsRefused(t *testing.T) {
	const sum1 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" // of "1"
	database := `{"name":"paywatt.db","size":1,"sha256":"` + sum1 + `"}`
	file := func(name string, size int, sum string) string {
		return fmt.Sprintf(`{"format":1,"taken":"2026-11-20T08:00:00Z","epoch":3,"schema":7,"files":[%s,{"name":%q,"size":%d,"sha256":%q}]}`, database, name, size, sum)
	}
	for name, c := range map[string]struct {
		manifest string
		err      error
		says     string
	}{
		"a whole backup":     {file("a.key", 1, sum1), nil, ""},
		"no manifest":        {"", ErrBackup, "has no manifest.json, so it was not finished"},
		"no JSON":            {"{", ErrBackup, "manifest.json"},
		"an older format":    {`{"format":0}`, store.ErrNewer, "its manifest has format 0"},
		"a newer format":     {`{"format":2}`, store.ErrNewer, "its manifest has format 2"},
		"no database":        {`{"format":1,"files":[{"name":"a.key","size":1,"sha256":"` + sum1 + `"}]}`, ErrBackup, "lists no database"},
		"a file outside":     {file("../a.key", 1, sum1), ErrBackup, `"../a.key" cannot be a file`},
		"a hidden file":      {file(".hidden", 1, sum1), ErrBackup, `".hidden" cannot be a file`},
		"a missing file":     {file("b.key", 1, sum1), fs.ErrNotExist, ErrBackup.Error()},
		"another size":       {file("a.key", 2, sum1), ErrBackup, "a.key differs"},
		"another content":    {file("a.key", 1, strings.Repeat("0", 64)), ErrBackup, "a.key differs"},
		"a folder as a file": {file("folder", 1, sum1), ErrBackup, "folder"},
	} {
		files := map[string]string{"paywatt.db": "1", "a.key": "1", ".hidden": "1", "folder/x": ""}
		if c.manifest != "" {
			files[manifestFile] = c.manifest
		}
		dir := folder(t, files)
		m, err := readManifest(dir)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.err, c.says)
		}
		taken := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
		if err == nil && (m.Epoch != 3 || m.Schema != 7 || len(m.Files) != 2 || !m.Taken.Equal(taken)) {
			t.Errorf("%s: the manifest is %+v", name, m)
		}
		if at, err := BackupTime(dir); strings.Contains(c.manifest, "2026") && (err != nil || !at.Equal(taken)) {
			t.Errorf("%s: the time is %s, %v", name, at, err)
		}
		if _, _, err := VerifyBackup(t.Context(), dir); err == nil {
			t.Errorf("%s: a database of one byte is sound", name)
		}
	}
	if _, err := parseManifest(folder(t, map[string]string{manifestFile + "/": ""})); err == nil || errors.Is(err, ErrBackup) {
		t.Errorf("a manifest that cannot be read: %v", err)
	}
}

// TestAManifestIsWrittenOnce and only its owner can read it.
func TestAManifestIsWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	m := Manifest{Format: 1, Taken: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Epoch: 3, Schema: 7, Files: []FileEntry{{"a.key", 1, "00"}}}
	if err := m.write(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := parseManifest(dir); err != nil || fmt.Sprint(got) != fmt.Sprint(m) {
		t.Errorf("%v, %v, want %v", got, err, m)
	}
	if info, err := os.Stat(filepath.Join(dir, manifestFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the manifest: %v, %v", info, err)
	}
	if err := m.write(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
}

// TestWhatIsReplacedMovesAsideAndBack in the given order, and back in the other.
func TestWhatIsReplacedMovesAsideAndBack(t *testing.T) {
	at := time.Date(2026, 11, 20, 11, 4, 5, 67_000_000, time.FixedZone("EAT", 3*60*60))
	dir := folder(t, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
	aside, moved, err := moveAside(dir, []string{"b", "gone", "a"}, at)
	if err != nil || aside != filepath.Join(dir, "replaced-20261120T080405.067Z") || !slices.Equal(moved, []string{"b", "a"}) {
		t.Errorf("moved %q to %s, %v", moved, aside, err)
	}
	if got := contents(t, dir); got != "c=3 d=4 replaced-20261120T080405.067Z/ replaced-20261120T080405.067Z/a=1 replaced-20261120T080405.067Z/b=2" {
		t.Errorf("the folder has %q", got)
	}
	if info, err := os.Stat(aside); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder aside: %v, %v", info, err)
	}
	if again, moved, err := moveAside(dir, []string{"c"}, at); again != "" || len(moved) != 0 || !errors.Is(err, fs.ErrExist) {
		t.Errorf("at the same moment: %q, %q, %v", again, moved, err)
	}
	if err := moveBack(dir, aside, moved); err != nil || contents(t, dir) != "a=1 b=2 c=3 d=4" {
		t.Errorf("back: %v, the folder has %q", err, contents(t, dir))
	}
	if aside, moved, err := moveAside(dir, nil, at); aside != "" || len(moved) != 0 || err != nil || contents(t, dir) != "a=1 b=2 c=3 d=4" {
		t.Errorf("nothing: %q, %q, %v", aside, moved, err)
	}
	if err := moveBack(dir, "", nil); err != nil {
		t.Errorf("nothing back: %v", err)
	}
	aside, moved, err = moveAside(dir, []string{"a", "b/below", "c"}, at)
	if err == nil || aside == "" || !slices.Equal(moved, []string{"a"}) {
		t.Errorf("a file that cannot move: %q, %q, %v", aside, moved, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "own"), 0o700); err != nil {
		t.Fatal(err)
	}
	var left *atomicfile.LeftError
	if err := moveBack(dir, aside, moved); !errors.As(err, &left) || left.Path != aside {
		t.Errorf("a file that cannot move back: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(aside, "a")); err != nil || string(text) != "1" {
		t.Errorf("it has %q, %v", text, err)
	}
}

// TestTheFilesOfARestoreAreStagedBeforeTheyMove checks the stage, its list, and what a later restore reads from it.
func TestTheFilesOfARestoreAreStagedBeforeTheyMove(t *testing.T) {
	from := folder(t, map[string]string{"paywatt.db": "db", "a.key": "1", "heads.log": "2"})
	m := Manifest{Files: []FileEntry{{Name: "a.key"}, {Name: "paywatt.db"}, {Name: "heads.log"}}}
	dir := folder(t, map[string]string{".restoring-files/old": "x"})
	names, err := stageKeys(from, dir, m)
	if err != nil || !slices.Equal(names, []string{"a.key", "heads.log"}) {
		t.Fatalf("staged %q, %v", names, err)
	}
	if got := contents(t, dir); got != ".restoring-files/ .restoring-files/.moving=a.key\nheads.log .restoring-files/a.key=1 .restoring-files/heads.log=2" {
		t.Errorf("the stage has %q", got)
	}
	for _, path := range []string{"", movingFile} {
		if info, err := os.Stat(filepath.Join(dir, restoringKeys, path)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %q: %v, %v", path, info, err)
		}
	}
	moved := func(name, want string) {
		t.Helper()
		if got, err := movedNames(dir); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	moved("none moved", "")
	if err := os.Rename(filepath.Join(dir, restoringKeys, "heads.log"), filepath.Join(dir, "heads.log")); err != nil {
		t.Fatal(err)
	}
	moved("one moved", "heads.log")
	if err := os.Remove(filepath.Join(dir, restoringKeys, "a.key")); err != nil {
		t.Fatal(err)
	}
	moved("all moved", "a.key heads.log")
	if err := os.RemoveAll(filepath.Join(dir, restoringKeys)); err != nil {
		t.Fatal(err)
	}
	moved("no stage", "")
	if _, err := movedNames(folder(t, map[string]string{".restoring-files/.moving/x": ""})); err == nil {
		t.Error("a list that cannot be read: no error")
	}
	if _, err := stageKeys(absent(t), dir, m); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "restore a.key: ") {
		t.Errorf("a backup that is gone: %v", err)
	}
	if _, err := stageKeys(from, absent(t), m); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is gone: %v", err)
	}
}

// TestRestoredFilesGetAllTheirNamesOrNone checks the last step of a restore, with something in the way of each name.
func TestRestoredFilesGetAllTheirNamesOrNone(t *testing.T) {
	staged := map[string]string{".restoring": "db", ".restoring-files/a": "1", ".restoring-files/b": "2"}
	for name, c := range map[string]struct {
		more   map[string]string
		places bool
	}{
		"nothing in the way":           {nil, true},
		"old files":                    {map[string]string{"a": "old", "paywatt.db": "old"}, true},
		"a folder for the first":       {map[string]string{"a/own": ""}, false},
		"a folder for the last":        {map[string]string{"b/own": ""}, false},
		"a folder for the database":    {map[string]string{"paywatt.db/own": ""}, false},
		"the copy of the database too": {map[string]string{"paywatt.db/own": "", "b/own": ""}, false},
	} {
		files := maps.Clone(staged)
		maps.Copy(files, c.more)
		dir := folder(t, files)
		before := contents(t, dir)
		want := before
		if c.places {
			want = ".restoring-files/ a=1 b=2 paywatt.db=db"
		}
		if err := placeRestored(dir, []string{"a", "b"}); (err == nil) != c.places || contents(t, dir) != want {
			t.Errorf("%s: %v, the folder has %q", name, err, contents(t, dir))
		}
	}
	dir := folder(t, map[string]string{"a": "1"})
	if err := unplace(dir, []string{"a"}); err == nil || contents(t, dir) != "a=1" {
		t.Errorf("without a stage: %v, the folder has %q", err, contents(t, dir))
	}
}

// TestADatabaseIsRemovedWithWhatSQLiteKeepsBesideIt and nothing else.
func TestADatabaseIsRemovedWithWhatSQLiteKeepsBesideIt(t *testing.T) {
	dir := folder(t, map[string]string{"x": "", "x-wal": "", "x-shm": "", "x-own": "", "y": ""})
	for range 2 {
		if err := remove(filepath.Join(dir, "x")); err != nil || contents(t, dir) != "x-own= y=" {
			t.Errorf("%v, left %q", err, contents(t, dir))
		}
	}
	for _, name := range []string{"x", "x-wal", "x-shm"} {
		if err := remove(filepath.Join(folder(t, map[string]string{name + "/own": ""}), "x")); err == nil {
			t.Errorf("%s with content was removed", name)
		}
	}
}

// TestACopyOfADatabaseIsCompleteOrGone checks the copy of a restore that fails.
func TestACopyOfADatabaseIsCompleteOrGone(t *testing.T) {
	o := Options{Now: time.Now}.withDefaults()
	for name, c := range map[string]struct {
		from map[string]string
		dir  map[string]string
		want string
		says string
	}{
		"no database in the backup": {nil, map[string]string{".restoring": "old"}, ".restoring=old", "restore paywatt.db: "},
		"no database at all":        {map[string]string{"paywatt.db": "text that is no database, but long enough to be read as one"}, map[string]string{".restoring": "old"}, ".restoring=old", "begin a new epoch: "},
		"a copy that cannot go":     {map[string]string{"paywatt.db": "x"}, map[string]string{".restoring.new/own": ""}, ".restoring.new/ .restoring.new/own=", ""},
	} {
		dir := folder(t, c.dir)
		epoch, err := prepare(t.Context(), folder(t, c.from), dir, time.Now(), "", o)
		if err == nil || epoch != 0 || !strings.HasPrefix(err.Error(), c.says) || contents(t, dir) != c.want {
			t.Errorf("%s: epoch %d, %v, the folder has %q", name, epoch, err, contents(t, dir))
		}
	}
}

// TestADatabaseThatIsGoneIsAnError for each step that opens one. None makes a new one.
func TestADatabaseThatIsGoneIsAnError(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "absent", "paywatt.db")
	o := Options{Now: time.Now}.withDefaults()
	if epoch, err := beginEpoch(t.Context(), gone, time.Now(), "", o, store.Branch{}); err == nil || epoch != 0 {
		t.Errorf("an epoch of nothing: %d, %v", epoch, err)
	}
	if err := (&Manifest{}).snapshot(t.Context(), gone, filepath.Join(dir, "copy"), dir); err == nil {
		t.Error("a copy of nothing: no error")
	}
	if b, err := readBranch(t.Context(), gone, dir); err == nil || fmt.Sprint(b) != fmt.Sprint(store.Branch{}) {
		t.Errorf("the numbers of nothing: %v, %v", b, err)
	}
	if b := branchOf(t.Context(), dir); fmt.Sprint(b) != fmt.Sprint(store.Branch{}) {
		t.Errorf("the numbers of an empty folder: %v", b)
	}
	if got := contents(t, dir); got != "" {
		t.Errorf("left is %q", got)
	}
}

// begun makes a data folder with an empty database, a key of 7 bytes and heads.
func begun(t *testing.T) string {
	t.Helper()
	dir := folder(t, map[string]string{"a.key": "1234567"})
	e, err := Open(dir, Options{Reserve: -1})
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTheRoomOfABackup is the database, the files beside it, and a mebibyte.
func TestTheRoomOfABackup(t *testing.T) {
	tier.World(t)
	dir := begun(t)
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	others, err := companions(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := size(databaseFile) + 1<<20
	for _, name := range others {
		want += size(name)
	}
	if got, err := BackupSize(dir); err != nil || got != want {
		t.Errorf("%d bytes, %v, want %d", got, err, want)
	}
	if _, err := BackupSize(folder(t, nil)); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("without a database: %v", err)
	}
	if _, err := BackupSize(folder(t, map[string]string{databaseFile: "no database at all, only some text"})); err == nil {
		t.Error("a file that is no database has a size")
	}
	if _, err := BackupSize(folder(t, map[string]string{databaseFile + "/": ""})); err == nil {
		t.Error("a folder that has the name of the database has a size")
	}
	without := salesRoom(dir)
	if err := os.WriteFile(filepath.Join(dir, reserveFile), make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if with := salesRoom(dir); without-with != 5<<20 || with < copyGrowth {
		t.Errorf("a reserve of 5 MiB changes what must stay free from %d to %d", without, with)
	}
	var no *atomicfile.NoRoomError
	if err := CheckRoom(dir, atomicfile.Amount{Dir: dir, Bytes: 1 << 60}); !errors.As(err, &no) || no.Need != 1<<60 || no.Keep != salesRoom(dir) {
		t.Errorf("a copy that does not fit: %v", err)
	}
}

// TestABackupCopiesHeadsBeforeTheDatabase and the keys after it: the database holds everything that the heads sign, and the keys open everything
// in the database.
func TestABackupCopiesHeadsBeforeTheDatabase(t *testing.T) {
	tier.World(t)
	dir, to := folder(t, map[string]string{"a.key": "1", "heads.log": "2"}), t.TempDir()
	_, err := copyFolder(t.Context(), dir, to, time.Now)
	if err == nil || !strings.HasPrefix(err.Error(), "copy the database: ") || contents(t, to) != "heads.log=2" {
		t.Errorf("without a database: %v, copied %q", err, contents(t, to))
	}
	gone := absent(t)
	var unread *fs.PathError
	if _, err := copyFolder(t.Context(), gone, t.TempDir(), time.Now); !errors.As(err, &unread) || unread.Path != gone {
		t.Errorf("without a data folder: %v", err)
	}
	dir = begun(t)
	to = folder(t, map[string]string{databaseFile: "old"})
	if _, err := copyFolder(t.Context(), dir, to, time.Now); !errors.Is(err, fs.ErrExist) || strings.Contains(contents(t, to), "a.key") {
		t.Errorf("a database is there: %v, the folder has %q", err, contents(t, to))
	}
}

// TestARestoreNamesWhatItCannotRead in the data folder, and changes nothing there.
func TestARestoreNamesWhatItCannotRead(t *testing.T) {
	gone := absent(t)
	killed := folder(t, map[string]string{".restoring-files/.moving/x": ""})
	for dir, path := range map[string]string{gone: gone, killed: filepath.Join(killed, restoringKeys, movingFile)} {
		var unread *fs.PathError
		epoch, aside, err := restore(t.Context(), t.TempDir(), dir, Manifest{}, false, "", Options{Now: time.Now}.withDefaults())
		if !errors.As(err, &unread) || unread.Path != path || epoch != 0 || aside != "" {
			t.Errorf("%s: %v, epoch %d, aside %q; want an error about %s", dir, err, epoch, aside, path)
		}
	}
	if got := contents(t, killed); got != ".restoring-files/ .restoring-files/.moving/ .restoring-files/.moving/x=" {
		t.Errorf("the folder has %q", got)
	}
}

// TestARestoreNeedsRoomForAllFiles and changes nothing without it.
func TestARestoreNeedsRoomForAllFiles(t *testing.T) {
	dir := t.TempDir()
	m := Manifest{Files: []FileEntry{{Name: "paywatt.db", Size: 1 << 60}, {Name: "a.key", Size: 3}}}
	var no *atomicfile.NoRoomError
	_, aside, err := restore(t.Context(), t.TempDir(), dir, m, false, "", Options{Now: time.Now}.withDefaults())
	if !errors.As(err, &no) || no.Need != 1<<60+3+1<<20 || aside != "" || contents(t, dir) != "" {
		t.Errorf("%v, aside %q, the folder has %q", err, aside, contents(t, dir))
	}
}

// TestABackupHasWhatItsManifestSays checks the manifest of a backup, and a backup of nothing.
func TestABackupHasWhatItsManifestSays(t *testing.T) {
	tier.World(t)
	dir, to := begun(t), absent(t)
	at := time.Date(2026, 11, 20, 11, 0, 0, 0, time.FixedZone("EAT", 3*60*60))
	m, err := Backup(t.Context(), dir, to, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	read, err := readManifest(to)
	if err != nil || fmt.Sprint(read) != fmt.Sprint(m) || m.Format != 1 || m.Epoch != 1 || m.Schema == 0 || m.Taken.Location() != time.UTC || !m.Taken.Equal(at) {
		t.Errorf("the manifest is %+v, read as %+v, %v", m, read, err)
	}
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
		if info, err := os.Stat(filepath.Join(to, f.Name)); err != nil || info.Mode().Perm() != 0o600 || info.Size() != f.Size {
			t.Errorf("%s: %v, %v", f.Name, info, err)
		}
	}
	others, err := companions(dir)
	if err != nil || !slices.Equal(names, slices.Sorted(slices.Values(append(others, databaseFile)))) {
		t.Errorf("the backup has %q, %v", names, err)
	}
	if _, err := Backup(t.Context(), t.TempDir(), absent(t), time.Now); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("a backup of no database: %v", err)
	}
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errors.New("the office closes"))
	full := absent(t)
	if _, err := Backup(stopped, dir, full, time.Now); err == nil || !strings.Contains(err.Error(), "the office closes") {
		t.Errorf("a backup that was stopped: %v", err)
	}
	if _, err := os.Stat(full); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left %v", err)
	}
}

// TestARestoreIntoANewFolderLeavesNoneIfItFails and keeps a folder that was there.
func TestARestoreIntoANewFolderLeavesNoneIfItFails(t *testing.T) {
	tier.World(t)
	dir, to := begun(t), absent(t)
	if _, err := Backup(t.Context(), dir, to, time.Now); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, path := range []string{"new", "deep/new"} {
		parent := t.TempDir()
		if _, _, err := Restore(stopped, to, filepath.Join(parent, path), false, time.Now, ""); err == nil || contents(t, parent) != "" {
			t.Errorf("%s: %v, left %q", path, err, contents(t, parent))
		}
	}
	parent := t.TempDir()
	if _, _, err := Restore(stopped, to, parent, false, time.Now, ""); err == nil || contents(t, parent) != lockFile+"=" {
		t.Errorf("a folder that was there: %v, it has %q", err, contents(t, parent))
	}
	if _, _, err := Restore(t.Context(), to, filepath.Join(to, databaseFile, "x"), false, time.Now, ""); !errors.Is(err, ErrUnwritable) {
		t.Errorf("a folder that cannot be: %v", err)
	}
	lock, err := TakeLock(parent)
	if err != nil {
		t.Errorf("the lock is not released: %v", err)
	}
	if _, _, err := Restore(t.Context(), to, parent, false, time.Now, ""); !errors.Is(err, ErrLocked) {
		t.Errorf("under a server: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	m, aside, err := Restore(t.Context(), to, parent, false, time.Now, "")
	if err != nil || aside != "" || m.Epoch != 2 {
		t.Errorf("the same again: epoch %d, aside %q, %v", m.Epoch, aside, err)
	}
	if got, err := occupants(parent); err != nil || !slices.Contains(got, "a.key") || got[0] != databaseFile {
		t.Errorf("restored %q, %v", got, err)
	}
}
