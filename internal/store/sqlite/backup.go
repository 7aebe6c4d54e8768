package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"zombiezen.com/go/sqlite"
)

// A backup is a folder with a copy of the database, the key files and settings beside it, and a manifest with the checksum of each file.
// The manifest is written last. A backup holds everything that a server needs, so it is as secret as the data folder; its vending keys are
// sealed with their passphrase.
const (
	manifestFile   = "manifest.json"
	manifestFormat = 1
	manifestRoom   = 1 << 20            // bytes: room for the manifest and for what a disk needs to keep the files
	restoringFile  = ".restoring"       // the database of a restore that is not finished
	copyingFile    = ".restoring.new"   // the same database while it is being copied
	restoringKeys  = ".restoring-files" // the folder of its other files, before they get their names
	movingFile     = ".moving"          // in that folder: the names of those files, written before the first of them moves
)

// Errors of backups.
var (
	// ErrNotEmpty: the folder to write to is not empty.
	ErrNotEmpty = atomicfile.ErrNotEmpty
	// ErrBackup: the backup is incomplete or was changed.
	ErrBackup = errors.New("the backup is damaged")
)

// Manifest describes the content of a backup.
type Manifest struct {
	Format int         `json:"format"`
	Taken  time.Time   `json:"taken"` // time of the backup, which holds everything committed before
	Epoch  int64       `json:"epoch"`
	Schema int         `json:"schema"`
	Files  []FileEntry `json:"files"`
}

// FileEntry is one file of a backup.
type FileEntry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup copies the database in dir into another folder, which must be empty or absent. A server may be running on the database. The copy
// is one snapshot; writers need not wait. The folder appears when the copy is complete. Backup first checks that the disk has room, and stops
// when the disk fills up meanwhile; the error is then an [atomicfile.NoRoomError].
func Backup(ctx context.Context, dir, to string, now func() time.Time) (m Manifest, err error) {
	size, err := BackupSize(dir)
	if err != nil {
		return Manifest{}, err
	}
	err = atomicfile.CreateFolder(to, manifestFile, func(fresh string) error {
		if err := CheckRoom(dir, atomicfile.Amount{Dir: fresh, Bytes: size}); err != nil {
			return err
		}
		guarded, stop := guardSales(ctx, dir, fresh)
		defer stop()
		m, err = copyFolder(guarded, dir, fresh, now)
		if err != nil {
			err = errors.Join(context.Cause(guarded), err) // the cause is nil if nothing stopped the copy
		}
		return err
	})
	return m, err
}

// guardSales stops a copy before it takes the space that a server on dir needs. A copy to another disk may fill that disk.
func guardSales(ctx context.Context, dir, to string) (guarded context.Context, stop func()) {
	if !atomicfile.SameDisk(dir, to) {
		return context.WithCancel(ctx)
	}
	return atomicfile.Guard(ctx, dir, salesRoom(dir))
}

// salesRoom returns how much of its disk must stay free for a server on the data folder.
func salesRoom(dir string) int64 {
	held := int64(0)
	if info, err := os.Stat(filepath.Join(dir, reserveFile)); err == nil {
		held = info.Size()
	}
	return spaceOf(dir).servingRoom(DiskReserve, held)
}

// CheckRoom returns an [atomicfile.NoRoomError] unless the disks have room for copies of the data folder dir. On the disk of dir, the space
// that its server needs must stay free.
func CheckRoom(dir string, copies ...atomicfile.Amount) error {
	return atomicfile.CheckRoom(atomicfile.Amount{Dir: dir, Bytes: salesRoom(dir)}, copies...)
}

// BackupSize returns how many bytes a backup of the data folder needs at most.
func BackupSize(dir string) (bytes int64, err error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w: %s", ErrNoDatabase, dir)
	}
	c, err := connect(path, cacheReader, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.c.Close()) }()
	if bytes, err = c.size(); err != nil {
		return 0, err
	}
	names, err := companions(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		bytes += info.Size()
	}
	return bytes + manifestRoom, nil
}

// size returns the size of the database in bytes, without the part that is still in its log.
func (c *conn) size() (bytes int64, err error) {
	return c.number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
}

// copyFolder writes a backup of the data folder dir into an empty folder.
func copyFolder(ctx context.Context, dir, to string, now func() time.Time) (Manifest, error) {
	m := Manifest{Format: manifestFormat, Taken: now().UTC()}
	heads := func(name string) bool { return name == headlog.File }
	// Copy the heads before the database, because the database must hold everything that the heads sign. Copy the keys after the database,
	// because the keys must open everything in it.
	if err := copyCompanions(dir, to, heads); err != nil {
		return Manifest{}, err
	}
	if err := m.snapshot(ctx, filepath.Join(dir, databaseFile), filepath.Join(to, databaseFile), dir); err != nil {
		return Manifest{}, fmt.Errorf("copy the database: %w", err)
	}
	if err := copyCompanions(dir, to, func(name string) bool { return !heads(name) }); err != nil {
		return Manifest{}, err
	}
	copied, err := os.ReadDir(to)
	if err != nil {
		return Manifest{}, err
	}
	for _, c := range copied {
		f, err := describe(to, c.Name())
		if err != nil {
			return Manifest{}, err
		}
		m.Files = append(m.Files, f)
	}
	return m, m.write(to)
}

// copyCompanions copies companions of the database. It calls wanted(name) for each file, and copies the file if the result is true.
func copyCompanions(dir, to string, wanted func(name string) bool) error {
	names, err := companions(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !wanted(name) {
			continue
		}
		if err := copyFile(filepath.Join(dir, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}

// snapshot copies the database through a connection of its own.
func (m *Manifest) snapshot(ctx context.Context, from, to, dir string) error {
	c, err := connect(from, cacheReader, false)
	if err != nil {
		return err
	}
	defer func() { _ = c.c.Close() }()       // only the copy counts, and it is synced below
	if _, err := known(c, dir); err != nil { // an older database is copied as it is
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite takes an empty file and keeps its mode
	if err != nil {
		return err
	}
	c.c.SetInterrupt(ctx.Done())
	defer c.c.SetInterrupt(nil)
	_, err = c.Exec("VACUUM INTO $1", to)
	if err == nil {
		m.Epoch, err = c.number(selectEpoch)
	}
	var schema int64
	if err == nil {
		schema, err = c.number("PRAGMA user_version")
	}
	m.Schema = int(schema)
	return errors.Join(err, f.Sync(), f.Close())
}

// companions lists the files of a data folder that a backup needs besides the database: every key, the key store, the settings, and the
// heads of the log.
func companions(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		if e.Type().IsRegular() && !strings.HasPrefix(name, ".") &&
			!strings.HasSuffix(name, ".lock") &&
			(strings.HasSuffix(name, ".key") || strings.HasPrefix(name, "keystore") || name == headlog.File || name == "paywatt.toml") {
			out = append(out, name)
		}
	}
	return out, nil
}

// CopyKeys copies the keys, settings and heads that a server needs besides the database into another folder, which must be empty or absent.
// It also accepts a folder in which an earlier call left the same keys, and brings the heads in it up to date.
func CopyKeys(dir, to string) error {
	err := CheckKeysFolder(dir, to)
	if err != nil {
		return err
	}
	err = atomicfile.CreateFolder(to, "", func(fresh string) error {
		return copyCompanions(dir, fresh, func(string) bool { return true })
	})
	if !errors.Is(err, ErrNotEmpty) {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, headlog.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(to, headlog.File), 0o600, atomicfile.Content(text))
}

// CheckKeysFolder returns [ErrNotEmpty] for a folder that [CopyKeys] would not accept. It makes no folder.
func CheckKeysFolder(dir, to string) error {
	err := atomicfile.CheckFree(to)
	if !errors.Is(err, ErrNotEmpty) {
		return err
	}
	names, look := companions(dir)
	if look != nil {
		return look
	}
	entries, look := os.ReadDir(to)
	if look != nil {
		return look
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) && !atomicfile.IsOfFileSystem(e) {
			return err
		}
	}
	for _, name := range names {
		same, look := sameKeys(filepath.Join(dir, name), filepath.Join(to, name))
		if look != nil {
			return look
		}
		if !same {
			return err
		}
	}
	return nil
}

// sameKeys reports whether a file is a copy of another. The copy of a log of heads may be an older one.
func sameKeys(path, copied string) (bool, error) {
	was, err := os.ReadFile(copied)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is, err := os.ReadFile(path)
	if filepath.Base(path) == headlog.File {
		return bytes.HasPrefix(is, was), err
	}
	return bytes.Equal(is, was), err
}

// copyFile copies a file to a name that must not exist. The copy is durable, and only its owner can read it.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func describe(dir, name string) (FileEntry, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return FileEntry{}, err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	n, err := io.Copy(h, f)
	return FileEntry{Name: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// write puts the complete manifest into the folder. Call it last.
func (m Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, manifestFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Sync(), f.Close(), headlog.SyncFolder(dir))
}

// BackupTime returns when a backup was made according to its manifest. It does not check the other files.
func BackupTime(from string) (time.Time, error) {
	m, err := parseManifest(from)
	return m.Taken, err
}

// readManifest reads a backup's manifest and compares every file with it.
func readManifest(from string) (Manifest, error) {
	m, err := parseManifest(from)
	if err != nil {
		return Manifest{}, err
	}
	if !slices.ContainsFunc(m.Files, func(f FileEntry) bool { return f.Name == databaseFile }) {
		return Manifest{}, fmt.Errorf("%w: its manifest lists no database", ErrBackup)
	}
	for _, f := range m.Files {
		if f.Name != filepath.Base(f.Name) || strings.HasPrefix(f.Name, ".") {
			return Manifest{}, fmt.Errorf("%w: %q cannot be a file of a backup", ErrBackup, f.Name)
		}
		got, err := describe(from, f.Name)
		if err != nil {
			return Manifest{}, fmt.Errorf("%w: %w", ErrBackup, err)
		}
		if got != f {
			return Manifest{}, fmt.Errorf("%w: %s differs from the file that was backed up", ErrBackup, f.Name)
		}
	}
	return m, nil
}

func parseManifest(from string) (Manifest, error) {
	text, err := os.ReadFile(filepath.Join(from, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%w: %s has no %s, so it was not finished", ErrBackup, from, manifestFile)
	}
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %s: %w", ErrBackup, manifestFile, err)
	}
	if m.Format != manifestFormat {
		return Manifest{}, fmt.Errorf("%w: its manifest has format %d", store.ErrNewer, m.Format)
	}
	return m, nil
}

// VerifyBackup compares a backup with its manifest and checks the database in it as [Verify] does. It changes nothing.
func VerifyBackup(ctx context.Context, from string) (Manifest, *store.Report, error) {
	return verifyBackup(ctx, from, headlog.ExternalHeads{})
}

// verifyBackup does the work of [VerifyBackup], against heads that somebody kept elsewhere.
func verifyBackup(ctx context.Context, from string, outside headlog.ExternalHeads) (Manifest, *store.Report, error) {
	m, err := readManifest(from)
	if err != nil {
		return Manifest{}, nil, err
	}
	// With the option immutable, SQLite takes no lock and writes no file beside the copy.
	path, err := filepath.Abs(filepath.Join(from, databaseFile))
	if err != nil {
		return m, nil, err
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "immutable=1"}).String()
	c, err := sqlite.OpenConn(uri, sqlite.OpenReadOnly|sqlite.OpenURI)
	if err != nil {
		return m, nil, damaged(from, err)
	}
	defer func() { _ = c.Close() }() // only read
	r, err := inspect(ctx, newConn(c), from, outside)
	return m, r, err
}

// CompareBackup verifies a backup against a file of signed heads that was kept elsewhere. A head that is newer than the backup only has to be signed
// by the key of the backup: what it signs is lost with the restore.
func CompareBackup(ctx context.Context, from, heads string) (*store.Report, error) {
	_, r, err := verifyBackup(ctx, from, headlog.ExternalHeads{Heads: heads, Newer: true})
	return r, err
}

// Restore puts a backup into the data folder dir and begins a new store epoch in it, so that no number that was used after the backup is
// used again. Without force it refuses a folder that has a database, keys or settings ([ErrNotEmpty]). With force it moves the old files
// into a folder, whose name it returns; it deletes none of them. No server may be running on dir.
//
// Restore first checks that the disk has room, and copies everything under other names. If that fails, the folder is as it was. Only then do
// the old files move away and the new ones get their names, the database last. If one of these steps fails, the steps before are undone. If
// Restore is killed, the folder has the old database or no database, and a folder without a database cannot be opened ([ErrMissing]). The
// same call then works again, also without force: what it finds of the killed one, it moves away too.
//
// The parameter compared says with what the backup was compared before; the database records it for the epoch.
func Restore(ctx context.Context, from, dir string, force bool, now func() time.Time, compared string) (m Manifest, aside string, err error) {
	if m, err = readManifest(from); err != nil {
		return Manifest{}, "", err
	}
	made, err := atomicfile.MakeFolders(dir)
	if err != nil {
		return Manifest{}, "", fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, errors.Join(err, made.Remove()))
	}
	lock, err := TakeLock(dir)
	if err != nil {
		return Manifest{}, "", errors.Join(err, made.Remove())
	}
	m.Epoch, aside, err = restore(ctx, from, dir, m, force, compared, Options{Now: now, Lock: lock}.withDefaults())
	if err == nil {
		return m, aside, lock.Release()
	}
	if len(made) > 0 { // the folder is this call's own, and has only the lock
		err = errors.Join(err, os.Remove(filepath.Join(dir, lockFile)))
	}
	return Manifest{}, aside, errors.Join(err, lock.Release(), made.Remove())
}

// restore does the work of [Restore] under the lock of the folder.
func restore(ctx context.Context, from, dir string, m Manifest, force bool, compared string, o Options) (epoch int64, aside string, err error) {
	taken, err := occupants(dir)
	if err != nil {
		return 0, "", err
	}
	leftover, err := movedNames(dir)
	if err != nil {
		return 0, "", err
	}
	foreign := slices.DeleteFunc(slices.Clone(taken), func(name string) bool { return slices.Contains(leftover, name) })
	if len(foreign) > 0 && !force {
		return 0, "", fmt.Errorf("%w: %s holds %s", ErrNotEmpty, dir, strings.Join(foreign, ", "))
	}
	need := int64(manifestRoom)
	for _, f := range m.Files {
		need += f.Size
	}
	if err := CheckRoom(dir, atomicfile.Amount{Dir: dir, Bytes: need}); err != nil {
		return 0, "", err
	}
	_, err = os.Lstat(filepath.Join(dir, restoringFile))
	wasKilled := err == nil
	// Copy everything and begin the epoch before moving anything, so that a full disk leaves the folder as it was.
	if epoch, err = prepare(ctx, from, dir, m.Taken, compared, o); err != nil {
		return 0, "", err
	}
	aside, err = exchange(from, dir, m, taken, o.Now())
	if err == nil {
		return epoch, aside, errors.Join(os.RemoveAll(filepath.Join(dir, restoringKeys)), headlog.SyncFolder(dir))
	}
	if !wasKilled { // else the copy knows the numbers that were used, and stands for the database that is missing
		err = errors.Join(err, remove(filepath.Join(dir, restoringFile)), os.RemoveAll(filepath.Join(dir, restoringKeys)))
	}
	return 0, "", err
}

// exchange moves the old files away and puts the restored ones in their place. If it fails, the old files are back.
func exchange(from, dir string, m Manifest, taken []string, now time.Time) (aside string, err error) {
	names, err := stageKeys(from, dir, m)
	if err != nil {
		return "", err
	}
	aside, moved, err := moveAside(dir, taken, now)
	if err == nil {
		err = placeRestored(dir, names)
	}
	if err != nil {
		return "", errors.Join(err, moveBack(dir, aside, moved))
	}
	return aside, nil
}

// stageKeys copies the files of a backup besides the database into a folder inside the data folder, with a list of their names.
func stageKeys(from, dir string, m Manifest) (names []string, err error) {
	staged := filepath.Join(dir, restoringKeys)
	if err := os.RemoveAll(staged); err != nil { // left by a killed restore
		return nil, err
	}
	if err := os.Mkdir(staged, 0o700); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if f.Name == databaseFile {
			continue
		}
		if err := copyFile(filepath.Join(from, f.Name), filepath.Join(staged, f.Name)); err != nil {
			return nil, fmt.Errorf("restore %s: %w", f.Name, err)
		}
		names = append(names, f.Name)
	}
	list := []byte(strings.Join(names, "\n"))
	return names, atomicfile.WriteFile(filepath.Join(staged, movingFile), 0o600, atomicfile.Content(list))
}

// movedNames returns the files in a data folder that a killed restore has put there.
func movedNames(dir string) (names []string, err error) {
	staged := filepath.Join(dir, restoringKeys)
	list, err := os.ReadFile(filepath.Join(staged, movingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(string(list), "\n") {
		if _, err := os.Lstat(filepath.Join(staged, name)); errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	return names, nil
}

// placeRestored gives the restored files their names, the database last. If a step fails, it undoes the steps before.
func placeRestored(dir string, names []string) error {
	staged := filepath.Join(dir, restoringKeys)
	for i, name := range names {
		if err := os.Rename(filepath.Join(staged, name), filepath.Join(dir, name)); err != nil {
			return errors.Join(err, unplace(dir, names[:i]))
		}
	}
	err := headlog.SyncFolder(dir) // a database never appears without its keys
	if err == nil {
		err = os.Rename(filepath.Join(dir, restoringFile), filepath.Join(dir, databaseFile))
	}
	if err != nil {
		return errors.Join(err, unplace(dir, names))
	}
	return nil
}

// unplace takes the names away from restored files.
func unplace(dir string, names []string) error {
	for _, name := range names {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, restoringKeys, name)); err != nil {
			return err
		}
	}
	return nil
}

// prepare copies the database of a backup into the folder and begins its epoch. The complete copy replaces that of a killed restore. Until
// then the old copy stays, because it alone may know which numbers were used.
func prepare(ctx context.Context, from, dir string, taken time.Time, compared string, o Options) (epoch int64, err error) {
	replaced := branchOf(ctx, dir)
	fresh, complete := filepath.Join(dir, copyingFile), filepath.Join(dir, restoringFile)
	if err := remove(fresh); err != nil { // left by a killed restore
		return 0, err
	}
	if err := copyFile(filepath.Join(from, databaseFile), fresh); err != nil {
		return 0, fmt.Errorf("restore %s: %w", databaseFile, errors.Join(err, remove(fresh)))
	}
	epoch, err = beginEpoch(ctx, fresh, taken, compared, o, replaced)
	if err == nil {
		err = errors.Join(removeIfThere(complete+"-wal"), removeIfThere(complete+"-shm")) // of the old copy
	}
	if err == nil {
		err = os.Rename(fresh, complete)
	}
	if err != nil {
		return 0, fmt.Errorf("begin a new epoch: %w", errors.Join(err, remove(fresh)))
	}
	return epoch, nil
}

// remove deletes a database file and the files that SQLite keeps beside it, if they exist.
func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := removeIfThere(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// branchOf reads the numbers that were used by the database to be replaced and by the database of an interrupted restore. It skips a
// database that cannot be read, which is a common reason for a restore. The last epoch of such a database is still in the signed heads
// beside it, as far as those can be read.
func branchOf(ctx context.Context, dir string) store.Branch {
	var b store.Branch
	for _, name := range []string{restoringFile, databaseFile} {
		one, err := readBranch(ctx, filepath.Join(dir, name), dir)
		if err != nil {
			continue
		}
		b = b.Join(one)
	}
	trust, _ := headlog.ReadTrust(dir, new(store.Report)) // with an error, it holds the heads before the first one that cannot be read
	for _, heads := range trust.Heads {
		for _, h := range heads {
			b.Epoch = max(b.Epoch, h.Epoch)
		}
	}
	return b
}

func readBranch(ctx context.Context, path, dir string) (b store.Branch, err error) {
	if _, err := os.Stat(path); err != nil {
		return store.Branch{}, err
	}
	c, err := connect(path, cacheReader, true)
	if err != nil {
		return store.Branch{}, err
	}
	defer func() { err = errors.Join(err, c.c.Close()) }()
	return branch(ctx, c, dir)
}

func branch(ctx context.Context, c *conn, dir string) (b store.Branch, err error) {
	c, _, done, err := current(c, dir)
	if err != nil {
		return store.Branch{}, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c.c.SetInterrupt(ctx.Done())
	return newTx(c, store.FirstTenant, 0).Branch()
}

// occupants lists the files of a folder that a restore would overwrite, the database first.
func occupants(dir string) (names []string, err error) {
	for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			names = append(names, name)
		}
	}
	others, err := companions(dir)
	return append(names, others...), err
}

// moveAside moves the files that a restore would overwrite into a new folder inside dir, in the order of names, and returns those that it
// moved. The database goes first: even if the program is killed, the database must never remain without its log and its keys.
func moveAside(dir string, names []string, now time.Time) (aside string, moved []string, err error) {
	if len(names) == 0 {
		return "", nil, nil
	}
	aside = filepath.Join(dir, "replaced-"+now.UTC().Format("20060102T150405.000Z"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", nil, err
	}
	for _, name := range names {
		err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // when the database was read, SQLite may have merged its log into it and deleted the log
		}
		if err != nil {
			return aside, moved, err
		}
		moved = append(moved, name)
	}
	return aside, moved, headlog.SyncFolder(dir)
}

// moveBack undoes [moveAside], the database last.
func moveBack(dir, aside string, moved []string) error {
	if aside == "" {
		return nil
	}
	for _, name := range slices.Backward(moved) {
		if err := os.Rename(filepath.Join(aside, name), filepath.Join(dir, name)); err != nil {
			return &atomicfile.LeftError{Path: aside, Err: err}
		}
	}
	return os.Remove(aside)
}

// beginEpoch upgrades the copied file to this version's schema, if needed, and begins a new epoch in it.
func beginEpoch(ctx context.Context, path string, taken time.Time, compared string, o Options, replaced store.Branch) (epoch int64, err error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return 0, damaged(path, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	k := newConn(c)
	for _, sql := range []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"} {
		if err := k.plain(sql); err != nil {
			return 0, err
		}
	}
	if err := migrate(k, path, o); err != nil {
		return 0, err
	}
	if err := k.plain("BEGIN IMMEDIATE"); err != nil {
		return 0, err
	}
	tx := store.NewTx(k, store.FirstTenant, o.Now(), o.Rand, 0, nil)
	if epoch, err = tx.BeginEpoch(taken, replaced); err == nil {
		err = tx.PutCompared(epoch, compared)
	}
	if err != nil {
		return 0, errors.Join(err, k.plain("ROLLBACK"))
	}
	if err := ctx.Err(); err != nil {
		return 0, errors.Join(err, k.plain("ROLLBACK"))
	}
	return epoch, k.plain("COMMIT")
}

// newTx returns a transaction for reading a database outside an engine.
func newTx(c *conn, t access.Tenant, epoch int64) *store.Tx {
	return store.NewTx(c, t, time.Now(), rand.Reader, epoch, nil)
}

// selectEpoch reads the store epoch.
const selectEpoch = `SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'`
