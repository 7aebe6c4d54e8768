package keystore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/fault"
)

// The file of a data key that was never rotated is the key itself. After a rotation it is dataMagic, a byte for its state, and all keys,
// the newest first.
const (
	dataMagic   = "PWDK1"
	dataWhole   = 0 // state: the newest key is in use
	dataTurning = 1 // state: a rotation has begun; the database says which of the two newest keys is in use
	// maxDataKeys is the largest number of keys. It allows a rotation every month for five years.
	maxDataKeys = 64
	maxDataFile = len(dataMagic) + 1 + maxDataKeys*dataKeySize
)

// ErrDataKeys means that the file of the data key is full.
var ErrDataKeys = fmt.Errorf("data.key already holds %d keys, as many as it can", maxDataKeys)

// dataFile is the content of a data key's file.
type dataFile struct {
	keys     [][]byte // the newest first
	rotating bool
}

func parseDataFile(raw []byte) (f dataFile, ok bool) {
	if len(raw) == dataKeySize {
		return dataFile{keys: [][]byte{raw}}, true
	}
	head := len(dataMagic) + 1
	if len(raw) < head+2*dataKeySize || (len(raw)-head)%dataKeySize != 0 || string(raw[:len(dataMagic)]) != dataMagic || raw[head-1] > dataTurning {
		return dataFile{}, false
	}
	f.rotating = raw[head-1] == dataTurning
	for raw = raw[head:]; len(raw) > 0; raw = raw[dataKeySize:] {
		f.keys = append(f.keys, raw[:dataKeySize])
	}
	return f, true
}

func (f dataFile) bytes() []byte {
	out := append([]byte(dataMagic), dataWhole)
	if f.rotating {
		out[len(dataMagic)] = dataTurning
	}
	for _, key := range f.keys {
		out = append(out, key...)
	}
	return out
}

// BeginDataRotation adds a new key to the data key's file, unless a rotation has begun already. The new key is not in use before the
// database says so ([DataKey.Use]).
func BeginDataRotation(dir string) error {
	return fault.Wrap(changeData(dir, func(f *dataFile) error {
		switch {
		case f.rotating:
			return nil
		case len(f.keys) == maxDataKeys:
			return ErrDataKeys
		}
		fresh := make([]byte, dataKeySize)
		if _, err := rand.Read(fresh); err != nil {
			return err
		}
		f.keys, f.rotating = append([][]byte{fresh}, f.keys...), true
		return nil
	}), "begin the rotation of the data key")
}

// EndDataRotation records that the newest key is in use. From then on no database that belongs to an older key is accepted.
func EndDataRotation(dir string) error {
	return fault.Wrap(changeData(dir, func(f *dataFile) error { f.rotating = false; return nil }), "end the rotation of the data key")
}

// changeData replaces the data key's file. After a power cut the old file or the new one is there.
func changeData(dir string, change func(*dataFile) error) error {
	return withLock(filepath.Join(dir, lockName), func() error {
		path := filepath.Join(dir, DataFileName)
		raw, err := readLimited(path, int64(maxDataFile))
		defer clear(raw)
		if err != nil {
			return err
		}
		f, ok := parseDataFile(raw)
		if !ok {
			return errors.New(path + " is damaged: restore it from a backup")
		}
		was := f.rotating
		if err := change(&f); err != nil || f.rotating == was {
			return err
		}
		next := f.bytes()
		defer clear(next)
		return replace(path, next)
	})
}

// Versions returns the number of keys. Version 0 is the newest.
func (d *DataKey) Versions() int { return len(d.all) }

// Rotating reports whether a rotation has begun and has not ended.
func (d *DataKey) Rotating() bool { return d.rotating }

// Use puts a version into use. Call it before anything is sealed or hashed.
func (d *DataKey) Use(version int) { d.inUse = version }

// HashUnder does the work of Hash with the given version.
func (d *DataKey) HashUnder(version int, context string, data []byte) []byte {
	return d.all[version].hash(context, data)
}

// Hashes returns the keyed hash under the version in use, then those under all older versions.
func (d *DataKey) Hashes(context string, data []byte) (out [][]byte) {
	for _, v := range d.all[d.inUse:] {
		out = append(out, v.hash(context, data))
	}
	return out
}

// carried is the context in which a rotation hashes a hash of the version before.
const carried = "hash under the key before"

// Carry returns what a rotation makes of a hash whose secret is not known: the hash of the hash, under each version after the one in use. So
// whoever has only an older version cannot make it.
func (d *DataKey) Carry(hash []byte) []byte {
	for k := d.inUse - 1; k >= 0; k-- {
		hash = d.all[k].hash(carried, hash)
	}
	return hash
}

// Reseal seals a sealed text again, under the newest version.
func (d *DataKey) Reseal(context string, sealed []byte) ([]byte, error) {
	plain, err := d.Open(context, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return d.all[0].seal(context, plain), nil
}

// Carried returns the hashes that rotations have made of those under older versions: for each older version the hash, hashed again under
// each later one up to the version in use.
func (d *DataKey) Carried(context string, data []byte) (out [][]byte) {
	for i := d.inUse + 1; i < len(d.all); i++ {
		h := d.all[i].hash(context, data)
		for k := i - 1; k >= d.inUse; k-- {
			h = d.all[k].hash(carried, h)
		}
		out = append(out, h)
	}
	return out
}
