package atomicfile_test

// Tests of what stays on the disk after each outcome: success, a failure at each step, and a run that was killed.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/tier"
)

var errFill = errors.New("the writer gave up")

// tree lists every file below a folder with its content, and every folder.
func tree(t *testing.T, dir string) string {
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

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// stage makes what a killed run left: a stage with files, and the list of the names that move out of it, if there is one.
func stage(t *testing.T, parent, list string, files ...string) string {
	t.Helper()
	dir := filepath.Join(parent, ".paywatt-part-dead")
	write(t, filepath.Join(dir, "lock"), "")
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		write(t, filepath.Join(dir, "files", f), "new")
	}
	if list != "" {
		write(t, filepath.Join(dir, "moving"), list)
	}
	return dir
}

// TestAFileIsCompleteOrAsBefore checks each way to write one file, over nothing, over a file and over a folder.
func TestAFileIsCompleteOrAsBefore(t *testing.T) {
	half := func(w io.Writer) error { return errors.Join(atomicfile.Content([]byte("ha"))(w), errFill) }
	whole := atomicfile.Content([]byte("new"))
	for name, c := range map[string]struct {
		run   func(string, fs.FileMode, func(io.Writer) error) error
		there string // what is at the path before: "", a text, or a folder
		fill  func(io.Writer) error
		want  string
		err   error
	}{
		"write over nothing":          {atomicfile.WriteFile, "", whole, "f=new", nil},
		"write over a file":           {atomicfile.WriteFile, "old", whole, "f=new", nil},
		"write over a file, failing":  {atomicfile.WriteFile, "old", half, "f=old", errFill},
		"write over nothing, failing": {atomicfile.WriteFile, "", half, "", errFill},
		"write over a folder":         {atomicfile.WriteFile, "/", whole, "f/", fs.ErrExist},
		"create over nothing":         {atomicfile.CreateFile, "", whole, "f=new", nil},
		"create over a file":          {atomicfile.CreateFile, "old", whole, "f=old", fs.ErrExist},
		"create over a folder":        {atomicfile.CreateFile, "/", whole, "f/", fs.ErrExist},
		"create, failing":             {atomicfile.CreateFile, "", half, "", errFill},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		switch c.there {
		case "":
		case "/":
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		default:
			write(t, path, c.there)
		}
		if err := c.run(path, 0o640, c.fill); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if got := tree(t, dir); got != c.want {
			t.Errorf("%s: the folder has %q, want %q", name, got, c.want)
		}
		if info, err := os.Stat(path); err == nil && c.err == nil && info.Mode().Perm() != 0o640 {
			t.Errorf("%s: mode %v, want 0640", name, info.Mode())
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(t.TempDir(), "absent", "f"), 0o600, whole); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// TestAnErrorOfTheWriterCounts checks that an error is returned even if the function that writes ignores it, and that the old file stays.
func TestAnErrorOfTheWriterCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	calls := 0
	err := atomicfile.WriteFile(path, 0o600, func(w io.Writer) error {
		if err := atomicfile.Break(w); err != nil {
			return err
		}
		for range 3 {
			if _, err := w.Write([]byte("x")); err != nil {
				calls++
			}
		}
		return nil
	})
	if !errors.Is(err, fs.ErrClosed) || calls != 3 {
		t.Errorf("%d failed writes: %v, want %v after 3", calls, err, fs.ErrClosed)
	}
	if got := tree(t, filepath.Dir(path)); got != "f=old" {
		t.Errorf("the folder has %q", got)
	}
}

// TestAFolderIsCompleteOrAsBefore checks folders that are absent, empty and full, with fillings that succeed and fail.
func TestAFolderIsCompleteOrAsBefore(t *testing.T) {
	whole := func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "a"), []byte("1"), 0o600), os.WriteFile(filepath.Join(dir, "m"), []byte("2"), 0o600))
	}
	half := func(dir string) error { return errors.Join(whole(dir), errFill) }
	for name, c := range map[string]struct {
		there []string // folders (with a slash) and files before
		to    string
		fill  func(string) error
		want  string
		err   error
	}{
		"absent":                   {nil, "x", whole, "x/ x/a=1 x/m=2", nil},
		"absent, failing":          {nil, "x", half, "", errFill},
		"deep":                     {nil, "p/q/x", whole, "p/ p/q/ p/q/x/ p/q/x/a=1 p/q/x/m=2", nil},
		"deep, failing":            {nil, "p/q/x", half, "", errFill},
		"deep, half there":         {[]string{"p/"}, "p/q/x", half, "p/", errFill},
		"empty":                    {[]string{"x/"}, "x", whole, "x/ x/a=1 x/m=2", nil},
		"empty, failing":           {[]string{"x/"}, "x", half, "x/", errFill},
		"with content":             {[]string{"x/", "x/own"}, "x", whole, "x/ x/own=old", atomicfile.ErrNotEmpty},
		"a fresh disk":             {[]string{"x/", "x/lost+found/"}, "x", whole, "x/ x/a=1 x/lost+found/ x/m=2", nil},
		"a fresh disk, failing":    {[]string{"x/", "x/lost+found/"}, "x", half, "x/ x/lost+found/", errFill},
		"a file of that name":      {[]string{"x/", "x/lost+found"}, "x", whole, "x/ x/lost+found=old", atomicfile.ErrNotEmpty},
		"with a hidden file":       {[]string{"x/", "x/.own"}, "x", whole, "x/ x/.own=old", atomicfile.ErrNotEmpty},
		"beside other things":      {[]string{"y/", "y/own"}, "x", half, "y/ y/own=old", errFill},
		"with a slash at the end":  {nil, "x/", whole, "x/ x/a=1 x/m=2", nil},
		"something like a stage":   {[]string{"x/", "x/.paywatt-part-own"}, "x", whole, "x/ x/.paywatt-part-own=old", atomicfile.ErrNotEmpty},
		"a stage that never began": {[]string{"x/", "x/.paywatt-part-own/"}, "x", whole, "x/ x/a=1 x/m=2", nil},
	} {
		dir := t.TempDir()
		for _, there := range c.there {
			if strings.HasSuffix(there, "/") {
				if err := os.Mkdir(filepath.Join(dir, there), 0o700); err != nil {
					t.Fatal(err)
				}
				continue
			}
			write(t, filepath.Join(dir, there), "old")
		}
		if err := atomicfile.CreateFolder(dir+"/"+c.to, "m", c.fill); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if got := tree(t, dir); got != c.want {
			t.Errorf("%s: there is %q, want %q", name, got, c.want)
		}
		if err := atomicfile.CheckFree(dir + "/" + c.to); errors.Is(err, atomicfile.ErrNotEmpty) == (c.want == "" || strings.HasSuffix(c.want, "x/") || strings.HasSuffix(c.want, "x/lost+found/") || strings.HasPrefix(c.want, "y/") || c.want == "p/") {
			t.Errorf("%s: the folder is free afterwards: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "old")
	if err := atomicfile.CreateFolder(file, "", whole); err == nil || errors.Is(err, atomicfile.ErrNotEmpty) || tree(t, filepath.Dir(file)) != "file=old" {
		t.Errorf("a folder over a file: %v", err)
	}
	if err := atomicfile.CreateFolder(filepath.Join(file, "below"), "", whole); err == nil || tree(t, filepath.Dir(file)) != "file=old" {
		t.Errorf("a folder below a file: %v", err)
	}
}

// TestTheLastFileOfAFolderComesLast checks the order in which an empty folder fills: a folder without its last file is incomplete.
func TestTheLastFileOfAFolderComesLast(t *testing.T) {
	dir := t.TempDir()
	err := atomicfile.CreateFolder(dir, "b", func(fresh string) error {
		for _, name := range []string{"a", "b", "c", "taken"} {
			write(t, filepath.Join(fresh, name), name)
		}
		write(t, filepath.Join(dir, "taken"), "own") // another program is faster with a name
		return nil
	})
	if !errors.Is(err, fs.ErrExist) || tree(t, dir) != "taken=own" {
		t.Errorf("a name that another program took: %v, the folder has %q", err, tree(t, dir))
	}
	list := ""
	dir = t.TempDir()
	err = atomicfile.CreateFolder(dir, "b", func(fresh string) error {
		write(t, filepath.Join(fresh, "b"), "")
		write(t, filepath.Join(fresh, "c"), "")
		write(t, filepath.Join(dir, "b"), "own")
		list = filepath.Join(filepath.Dir(fresh), "moving")
		return os.Mkdir(list, 0o700) // the list cannot be written
	})
	if err == nil || tree(t, dir) != "b=own" {
		t.Errorf("a list that cannot be written: %v, the folder has %q", err, tree(t, dir))
	}
}

// TestASetOfFilesAppearsWholeOrNotAtAll checks files that are written into a folder with other content.
func TestASetOfFilesAppearsWholeOrNotAtAll(t *testing.T) {
	set := []atomicfile.File{{Name: "k", Mode: 0o600, Content: []byte("key")}, {Name: "c", Mode: 0o640, Content: []byte("cert")}}
	for name, c := range map[string]struct {
		there map[string]string
		ready func() error
		to    string
		want  string
		err   error
	}{
		"a new folder":          {nil, nil, "p/x", "p/ p/x/ p/x/c=cert p/x/k=key", nil},
		"a folder with others":  {map[string]string{"x/own": "old"}, nil, "x", "x/ x/c=cert x/k=key x/own=old", nil},
		"the first is there":    {map[string]string{"x/k": "old"}, func() error { return errFill }, "x", "x/ x/k=old", fs.ErrExist},
		"the second is there":   {map[string]string{"x/c": "old"}, func() error { return errFill }, "x", "x/ x/c=old", fs.ErrExist},
		"ready says no":         {map[string]string{"x/own": "old"}, func() error { return errFill }, "x", "x/ x/own=old", errFill},
		"ready says no, folder": {nil, func() error { return errFill }, "p/x", "", errFill},
		"ready says yes":        {nil, func() error { return nil }, "x", "x/ x/c=cert x/k=key", nil},
	} {
		dir := t.TempDir()
		for path, text := range c.there {
			write(t, filepath.Join(dir, path), text)
		}
		if err := atomicfile.CreateFiles(filepath.Join(dir, c.to), set, c.ready); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if got := tree(t, dir); got != c.want {
			t.Errorf("%s: there is %q, want %q", name, got, c.want)
		}
		if info, err := os.Stat(filepath.Join(dir, c.to, "c")); err == nil && c.err == nil && info.Mode().Perm() != 0o640 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
	}
	// The second name is taken while the first moves: the first goes back.
	dir := t.TempDir()
	err := atomicfile.CreateFiles(dir, set, func() error { write(t, filepath.Join(dir, "c"), "own"); return nil })
	if !errors.Is(err, fs.ErrExist) || tree(t, dir) != "c=own" {
		t.Errorf("a name taken meanwhile: %v, the folder has %q", err, tree(t, dir))
	}
}

// TestWhatAKilledRunLeftIsRemoved checks the next run in the same folder. It removes the stage of a killed run, and takes back the files that
// the run had moved, unless it had moved all. It never touches a file that the list does not prove to be of that run.
func TestWhatAKilledRunLeftIsRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		list   string
		staged []string
		there  []string
		want   string
	}{
		"before the list":       {"", []string{"a", "b"}, []string{"own"}, "own=old"},
		"before the first move": {"a\nb\n", []string{"a", "b"}, []string{"own"}, "own=old"},
		"half-way":              {"a\nb\n", []string{"b"}, []string{"a", "own"}, "own=old"},
		"half-way, undone":      {"a\nb\n", []string{"b"}, []string{"own"}, "own=old"},
		"a name is another's":   {"a\nb\n", []string{"b"}, []string{"a", "b"}, "b=old"},
		"half a name":           {"a\nb\now", []string{"a", "b"}, []string{"ow"}, "ow=old"},
		"after the last move":   {"a\nb\n", nil, []string{"a", "b"}, "a=old b=old"},
	} {
		dir := t.TempDir()
		stage(t, dir, c.list, c.staged...)
		for _, f := range c.there {
			write(t, filepath.Join(dir, f), "old")
		}
		if err := atomicfile.Sweep(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := tree(t, dir); got != c.want {
			t.Errorf("%s: the folder has %q, want %q", name, got, c.want)
		}
	}
	dir := t.TempDir()
	outside := filepath.Join(dir, "victim")
	write(t, outside, "old")
	stage(t, filepath.Join(dir, "in"), "../victim\nb\n", "b")
	if err := atomicfile.Sweep(filepath.Join(dir, "in")); err == nil {
		t.Error("a list that names a file outside was believed")
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a file outside of the folder: %v", err)
	}
	if err := atomicfile.Sweep(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestNoRunBeginsBesideAListThatItDoesNotBelieve checks each way to write. The run says why and writes nothing; the next one works.
func TestNoRunBeginsBesideAListThatItDoesNotBelieve(t *testing.T) {
	whole := atomicfile.Content([]byte("new"))
	fill := func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), nil, 0o600) }
	for name, run := range map[string]func(dir string) error{
		"WriteFile":           func(dir string) error { return atomicfile.WriteFile(filepath.Join(dir, "f"), 0o600, whole) },
		"CreateFile":          func(dir string) error { return atomicfile.CreateFile(filepath.Join(dir, "f"), 0o600, whole) },
		"CreateFolder":        func(dir string) error { return atomicfile.CreateFolder(dir, "f", fill) },
		"CreateFolder inside": func(dir string) error { return atomicfile.CreateFolder(filepath.Join(dir, "f"), "f", fill) },
		"CreateFiles": func(dir string) error {
			return atomicfile.CreateFiles(dir, []atomicfile.File{{Name: "f", Mode: 0o600}}, nil)
		},
		"NewPrivateFolder": func(dir string) error { _, err := atomicfile.NewPrivateFolder(dir); return err },
		"CheckFree":        atomicfile.CheckFree,
		"Sweep":            atomicfile.Sweep,
	} {
		dir := t.TempDir()
		stage(t, filepath.Join(dir, "in"), "../victim\nb\n", "b")
		write(t, filepath.Join(dir, "victim"), "old")
		if err := run(filepath.Join(dir, "in")); err == nil || !strings.Contains(err.Error(), `names the file "../victim"`) {
			t.Errorf("%s: %v", name, err)
		}
		if got := tree(t, dir); got != "in/ victim=old" {
			t.Errorf("%s: there is %q", name, got)
		}
		if err := run(filepath.Join(dir, "in")); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}

// TestAFolderThatCannotBeMadeIsAnError checks each step on the way to a folder. Nothing appears, and fill is not asked for nothing.
func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	fills := func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), nil, 0o600) }
	gone := func(dir string) error { return errors.Join(fills(dir), os.RemoveAll(dir)) }
	link := func(dir string) error { return errors.Join(os.Remove(dir), os.Symlink("absent", dir)) } // which has a name, but no content
	list := func(dir string) error {
		return errors.Join(fills(dir), os.Mkdir(filepath.Join(filepath.Dir(dir), "moving"), 0o700))
	}
	for name, c := range map[string]struct {
		there bool
		fill  func(string) error
	}{
		"a new folder that is gone":              {false, gone},
		"a new folder that is a link to nothing": {false, link},
		"an empty folder, and the new one gone":  {true, gone},
		"an empty folder, without a list":        {true, list},
	} {
		dir := t.TempDir()
		if c.there {
			write(t, filepath.Join(dir, "x", "own"), "")
			if err := os.Remove(filepath.Join(dir, "x", "own")); err != nil {
				t.Fatal(err)
			}
		}
		before := tree(t, dir)
		if err := atomicfile.CreateFolder(filepath.Join(dir, "x"), "", c.fill); err == nil || tree(t, dir) != before {
			t.Errorf("%s: %v, there is %q", name, err, tree(t, dir))
		}
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return // the rest needs a place where nobody can make a folder
	}
	removed := t.TempDir()
	open, err := os.Open(removed)
	if err == nil {
		err = os.Remove(removed)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for name, path := range map[string]string{
		"a folder that was removed":           fmt.Sprintf("/proc/self/fd/%d", open.Fd()),
		"below a folder that was removed":     fmt.Sprintf("/proc/self/fd/%d/x", open.Fd()),
		"deep below a folder":                 fmt.Sprintf("/proc/self/fd/%d/x/y", open.Fd()),
		"where the system takes no folder":    "/proc/paywatt",
		"deep where the system takes nothing": "/proc/paywatt/x/y",
	} {
		filled := false
		err := atomicfile.CreateFolder(path, "", func(string) error { filled = true; return nil })
		if err == nil || filled {
			t.Errorf("%s: %v, filled %t", name, err, filled)
		}
		err = atomicfile.CreateFiles(path, nil, func() error { filled = true; return nil })
		if err == nil || filled {
			t.Errorf("files in %s: %v, ready %t", name, err, filled)
		}
		if made, err := atomicfile.MakeFolders(filepath.Join(path, "z")); err == nil || len(made) != 0 {
			t.Errorf("made in %s: %v, %v", name, made, err)
		}
	}
}

// TestAFolderMayLackItsLastFile checks an empty folder that is filled with other files only.
func TestAFolderMayLackItsLastFile(t *testing.T) {
	dir := t.TempDir()
	err := atomicfile.CreateFolder(dir, "last", func(fresh string) error { return os.WriteFile(filepath.Join(fresh, "a"), []byte("1"), 0o600) })
	if err != nil || tree(t, dir) != "a=1" {
		t.Errorf("%v, the folder has %q", err, tree(t, dir))
	}
}

// TestReadyIsAskedOnceEverythingIsWritten and not at all if a file of the set cannot be written.
func TestReadyIsAskedOnceEverythingIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		last string // name of the last file
		want int
	}{"all": {"c", 1}, "one in a folder that is not there": {"sub/c", 0}, "one with a name that is too long": {strings.Repeat("x", 300), 0}} {
		dir := t.TempDir()
		asked := 0
		err := atomicfile.CreateFiles(dir, []atomicfile.File{{Name: "a", Mode: 0o600}, {Name: c.last, Mode: 0o600}}, func() error {
			if asked++; !strings.Contains(tree(t, dir), "/a=") {
				t.Errorf("%s: the folder has %q", name, tree(t, dir))
			}
			return nil
		})
		if asked != c.want || (err == nil) != (c.want == 1) || err != nil && (!strings.HasPrefix(err.Error(), "write "+filepath.Join(dir, c.last)) || tree(t, dir) != "") {
			t.Errorf("%s: asked %d times, %v, the folder has %q", name, asked, err, tree(t, dir))
		}
	}
}

// TestARunThatWorksIsLeftAlone checks that a run does not remove the stage of another one that works, and that no run believes a stage that
// is only a link to another folder.
func TestARunThatWorksIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	temp, err := atomicfile.NewPrivateFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(temp.Dir(), "work"), "12345")
	if err := atomicfile.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if n, err := atomicfile.Unfinished(dir); n != 5 || err != nil {
		t.Errorf("a run that works has written %d bytes, %v; want 5", n, err)
	}
	elsewhere := t.TempDir()
	dead := stage(t, elsewhere, "", "a")
	if err := os.Symlink(dead, filepath.Join(dir, ".paywatt-part-link")); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dead); got != "files/ files/a=new lock=" {
		t.Errorf("behind a link there is %q", got)
	}
	if err := os.Remove(filepath.Join(dir, ".paywatt-part-link")); err != nil {
		t.Fatal(err)
	}
	if err := temp.Remove(); err != nil || tree(t, dir) != "" {
		t.Errorf("after the run: %v, the folder has %q", err, tree(t, dir))
	}
	if n, err := atomicfile.Unfinished(dir); n != 0 || err != nil {
		t.Errorf("nothing is unfinished, but it says %d bytes, %v", n, err)
	}
}

// TestLinesAreAddedWholeOrNotAtAll checks what a list has after each outcome.
func TestLinesAreAddedWholeOrNotAtAll(t *testing.T) {
	for before, want := range map[string]string{"": "x\n", "a\n": "a\nx\n", "a\nto": "a\nx\n", "torn": "x\n"} {
		path := filepath.Join(t.TempDir(), "list")
		write(t, path, before)
		if err := atomicfile.Append(path, 0o600, []byte("x\n")); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%q and a line: %q, %v; want %q", before, got, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "new")
	if err := atomicfile.Append(path, 0o640, []byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("a new list: %v, %v", info, err)
	}
	if err := atomicfile.Append(filepath.Join(path, "below"), 0o600, nil); err == nil {
		t.Error("a list below a file was written")
	}
}

// TestRoomIsCounted checks the sums: what is written to one disk adds up, and what must stay free counts on its own disk only.
func TestRoomIsCounted(t *testing.T) {
	dir := t.TempDir()
	free := atomicfile.SpaceOf(dir).Free
	if free == 0 {
		tier.Lacking(t, "the free space is not known on this system")
	}
	const mib = 1 << 20
	deep := filepath.Join(dir, "not", "there", "yet")
	for name, c := range map[string]struct {
		keep  atomicfile.Amount
		needs []atomicfile.Amount
		fits  bool
	}{
		"a little":                 {atomicfile.Amount{Dir: dir}, []atomicfile.Amount{{Dir: deep, Bytes: mib}}, true},
		"more than all":            {atomicfile.Amount{Dir: dir}, []atomicfile.Amount{{Dir: deep, Bytes: 2 * free}}, false},
		"two that add up":          {atomicfile.Amount{Dir: dir}, []atomicfile.Amount{{Dir: dir, Bytes: free * 2 / 3}, {Dir: deep, Bytes: free * 2 / 3}}, false},
		"with what must stay free": {atomicfile.Amount{Dir: dir, Bytes: free * 2 / 3}, []atomicfile.Amount{{Dir: deep, Bytes: free * 2 / 3}}, false},
		"that of another disk":     {atomicfile.Amount{Dir: "/proc", Bytes: free * 2 / 3}, []atomicfile.Amount{{Dir: deep, Bytes: free / 3}}, true},
	} {
		err := atomicfile.CheckRoom(c.keep, c.needs...)
		var no *atomicfile.NoRoomError
		if (err == nil) != c.fits || err != nil && !errors.As(err, &no) {
			t.Errorf("%s: %v, want room: %t", name, err, c.fits)
		}
	}
	if !atomicfile.SameDisk(dir, deep) || atomicfile.SameDisk(dir, "/proc") {
		t.Error("disks are mistaken for each other")
	}
	for want, e := range map[string]atomicfile.NoRoomError{
		"the disk of d has 2 MiB free, and 3 MiB are needed":                                                                   {Dir: "d", Need: 2*mib + 1, Spare: 3*mib - 1},
		"the disk of d has 1 MiB free, and 2 MiB must stay free for the server":                                                {Dir: "d", Keep: 2 * mib, Spare: mib},
		"the disk of d has 1 MiB free, and 5 MiB are needed: 2 MiB for the copy, and 3 MiB that must stay free for the server": {Dir: "d", Need: 2 * mib, Keep: 3 * mib, Spare: mib},
	} {
		if e.Error() != want {
			t.Errorf("it says %q, want %q", e.Error(), want)
		}
	}
}

// TestTheGuardStopsARunThatFillsTheDisk checks that a run is cancelled with the figures when too little is free, and not before.
func TestTheGuardStopsARunThatFillsTheDisk(t *testing.T) {
	dir := t.TempDir()
	guarded, stop := atomicfile.Guard(context.Background(), dir, 1<<62)
	<-guarded.Done()
	stop()
	var no *atomicfile.NoRoomError
	if !errors.As(context.Cause(guarded), &no) || no.Keep != 1<<62 || no.Need != 0 {
		t.Errorf("the run was stopped with %v", context.Cause(guarded))
	}
	guarded, stop = atomicfile.Guard(context.Background(), dir, 0)
	if guarded.Err() != nil {
		t.Errorf("a run on a disk with room was stopped: %v", context.Cause(guarded))
	}
	stop()
	parent, cancel := context.WithCancel(context.Background())
	guarded, stop = atomicfile.Guard(parent, dir, 0)
	cancel()
	<-guarded.Done()
	stop()
	if !errors.Is(context.Cause(guarded), context.Canceled) {
		t.Errorf("a run that the user stopped: %v", context.Cause(guarded))
	}
}

// TestFoldersThatARunMadeAreRemoved checks that only those folders go that the run made and nobody uses.
func TestFoldersThatARunMadeAreRemoved(t *testing.T) {
	dir := t.TempDir()
	made, err := atomicfile.MakeFolders(filepath.Join(dir, "a", "b", "c"))
	if err != nil || !slices.Equal(made, []string{filepath.Join(dir, "a", "b", "c"), filepath.Join(dir, "a", "b"), filepath.Join(dir, "a")}) {
		t.Fatalf("made %v, %v", made, err)
	}
	for _, d := range made {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", d, info.Mode(), err)
		}
	}
	write(t, filepath.Join(dir, "a", "own"), "old")
	if err := made.Remove(); err != nil || tree(t, dir) != "a/ a/own=old" {
		t.Errorf("removed: %v, the folder has %q", err, tree(t, dir))
	}
	if err := made.Remove(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// TestWhatCannotBeRemovedIsNamed checks the error for a run that cannot clean up.
func TestWhatCannotBeRemovedIsNamed(t *testing.T) {
	e := &atomicfile.LeftError{Path: "/x/y", Err: fs.ErrPermission}
	if !errors.Is(e, fs.ErrPermission) || e.Error() != "/x/y could not be removed: permission denied" {
		t.Errorf("it says %q", e)
	}
}
