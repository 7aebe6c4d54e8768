package app

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// ErrBackupKey means that a recipient or an identity of an encrypted backup cannot be used.
var ErrBackupKey = errors.New("unusable key of an encrypted backup")

// Recipients reads the public keys for which a backup is encrypted: age1 and further characters.
func Recipients(texts []string) (out []age.Recipient, err error) {
	for _, text := range texts {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not a public key of age: it begins with age1 and has 62 characters", ErrBackupKey, text)
		}
		out = append(out, r)
	}
	return out, nil
}

// Backup copies a data folder. Without recipients the copy is the folder to. With recipients it is the file to, encrypted for each of them;
// the plain copy is then made beside the database, which is as secret, and deleted. The room is checked for all copies before the first.
func Backup(ctx context.Context, data, to string, recipients []age.Recipient, now func() time.Time) (m sqlite.Manifest, err error) {
	if len(recipients) == 0 {
		return sqlite.Backup(ctx, data, to, now)
	}
	if _, err := os.Lstat(to); err == nil {
		return m, fmt.Errorf("%s exists already", to)
	}
	size, err := sqlite.BackupSize(data)
	if err != nil {
		return m, err
	}
	temp, err := atomicfile.NewPrivateFolder(data)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	if err := sqlite.CheckRoom(data, atomicfile.Amount{Dir: temp.Dir(), Bytes: size}, atomicfile.Amount{Dir: to, Bytes: size}); err != nil {
		return m, err
	}
	plain := filepath.Join(temp.Dir(), "copy")
	if m, err = sqlite.Backup(ctx, data, plain, now); err != nil {
		return m, err
	}
	return m, SealBackup(plain, to, recipients)
}

// SealBackup writes the files of a plain backup in the folder from into one new file, encrypted for the recipients. The file appears
// complete or not at all.
func SealBackup(from, to string, recipients []age.Recipient) error {
	err := atomicfile.CreateFile(to, 0o600, func(w io.Writer) error {
		buffer := bufio.NewWriterSize(w, 1<<20)
		sealed, err := age.Encrypt(buffer, recipients...)
		if err != nil {
			return err
		}
		pack := tar.NewWriter(sealed)
		if err := pack.AddFS(os.DirFS(from)); err != nil {
			return err
		}
		for _, step := range []func() error{pack.Close, sealed.Close, buffer.Flush} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", to)
	}
	return err
}

// OpenTemp decrypts the backup in the file from, as [OpenBackup] does, into a private folder inside parent. The caller removes the folder.
// It checks the room first: on the disk of the data folder data, the space that a server needs stays free.
func OpenTemp(from, identities, parent, data string) (temp *atomicfile.PrivateFolder, err error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, err
	}
	if err := sqlite.CheckRoom(data, atomicfile.Amount{Dir: parent, Bytes: info.Size()}); err != nil {
		return nil, err
	}
	if temp, err = atomicfile.NewPrivateFolder(parent); err != nil {
		return nil, err
	}
	if err := OpenBackup(from, identities, temp.Dir()); err != nil {
		return nil, errors.Join(err, temp.Remove())
	}
	return temp, nil
}

// OpenBackup decrypts the backup in the file from with the identities in a file, and writes its files into the empty folder to.
func OpenBackup(from, identities, to string) error {
	if err := keystore.CheckPrivate(identities); err != nil {
		return fmt.Errorf("%w: %w", ErrBackupKey, err)
	}
	keys, err := os.Open(identities)
	if err != nil {
		return err
	}
	defer keys.Close()
	ids, err := age.ParseIdentities(keys)
	if err != nil {
		return fmt.Errorf("%w: %s has no identity: it begins with AGE-SECRET-KEY-1", ErrBackupKey, identities) // the cause may quote the file
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := age.Decrypt(bufio.NewReaderSize(f, 1<<20), ids...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackupKey, err)
	}
	pack := tar.NewReader(plain)
	for {
		h, err := pack.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, plain) // the end is authenticated too
			return err
		}
		if err == nil {
			err = unpack(pack, h, to)
		}
		if err != nil {
			return fmt.Errorf("read the encrypted backup: %w", err)
		}
	}
}

// unpack writes one file of a backup. A backup has only plain files, in one folder.
func unpack(pack io.Reader, h *tar.Header, to string) error {
	if h.Typeflag == tar.TypeDir && filepath.Clean(h.Name) == "." {
		return nil
	}
	if h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) || !filepath.IsLocal(h.Name) {
		return fmt.Errorf("unexpected entry %q", h.Name)
	}
	f, err := os.OpenFile(filepath.Join(to, h.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, pack) // the tar reader ends at the size in the header
	return errors.Join(err, f.Sync(), f.Close())
}

// IsSealedBackup reports whether a backup is an encrypted file and not a folder.
func IsSealedBackup(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
