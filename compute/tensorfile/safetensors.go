package tensorfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"smelt/compute/jsontext"
)

const (
	maxHeader   = 100_000_000 // bytes, as the reference has it
	lengthBytes = 8           // before the header
	metadataKey = "__metadata__"
)

// misplaced is what is wrong with a tensor that does not follow the one before it.
const misplaced = "its data begins at %d of the data, not at %d where the tensor before it ends"

// readSafetensors reads the header of the mapping.
func (f *File) readSafetensors(m *mapping) error {
	fail := func(at int, format string, args ...any) error {
		return malformed(f.path, "header", int64(at), format, args...)
	}
	if bytes.HasPrefix(m.data, []byte("version https://git-lfs")) {
		return fail(0, "a pointer to a file in Git LFS, not the file: fetch it with git lfs pull")
	}
	if len(m.data) < lengthBytes {
		return fail(0, "the file has %d bytes: neither GGUF nor safetensors", len(m.data))
	}
	n := binary.LittleEndian.Uint64(m.data)
	if n > maxHeader {
		return fail(0, "a length of %d; at most %d is accepted, so this is neither GGUF nor safetensors", n, maxHeader)
	}
	if rest := len(m.data) - lengthBytes; n > uint64(rest) {
		return fail(0, "%d bytes should follow, but the file ends after %d", n, rest)
	}
	end := lengthBytes + int(n)
	fields, bad := object(m.data[lengthBytes:end])
	if bad != nil {
		return fail(lengthBytes+bad.Offset, "%s", bad.Reason)
	}
	f.tensors = make([]*Tensor, 0, len(fields))
	for _, field := range fields {
		if string(field.Key) == metadataKey {
			if err := f.readStrings(field); err != nil {
				return malformed(f.path, metadataKey, offsetIn(m.data, field.Value), "%v", err)
			}
			continue
		}
		t := &Tensor{Name: string(field.Key), m: m}
		if err := t.readInfo(field, len(m.data)-end); err != nil {
			return malformed(f.path, "tensor "+quote(t.Name), offsetIn(m.data, field.Value), "%v", err)
		}
		f.tensors = append(f.tensors, t)
	}
	return f.placeSafetensors(int64(end), int64(len(m.data)))
}

// placeSafetensors orders the tensors, checks that they fill the data, which lies from base to end, and
// makes each Offset that in the file.
func (f *File) placeSafetensors(base, end int64) error {
	// A tensor without elements comes before the one that begins where it does.
	slices.SortStableFunc(f.tensors, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size, b.Size))
	})
	next := base
	for i, t := range f.tensors {
		f.names[t.Name] = i // no name is there twice: it is a key of an object
		if t.Offset += base; t.Offset != next {
			return malformed(f.path, "tensor "+quote(t.Name), t.Offset, misplaced, t.Offset-base, next-base)
		}
		next += t.Size
	}
	if next != end {
		return malformed(f.path, "data", next, "the last tensor ends here, and the file at byte %d", end)
	}
	return nil
}

// object reads JSON that is an object. Each of its members takes some hundred bytes of memory, so that
// their number is bounded first, by that of the colons: a tensor in a header has four.
func object(text []byte) ([]jsontext.Field, *jsontext.Error) {
	if n := bytes.Count(text, []byte(":")); n > 4*maxTensors {
		return nil, &jsontext.Error{Reason: fmt.Sprintf("%d colons; %d tensors, the most that is accepted, have %d",
			n, maxTensors, 4*maxTensors)}
	}
	fields, err := jsontext.Object(text, nil)
	var bad *jsontext.Error
	errors.As(err, &bad)
	return fields, bad
}

// readStrings reads the object of strings that is __metadata__; null is as good as none.
func (f *File) readStrings(field jsontext.Field) error {
	if field.Kind == jsontext.Null {
		return nil
	}
	if field.Kind != jsontext.KindObject {
		return fmt.Errorf("not an object but %v", field.Kind)
	}
	for _, s := range jsontext.Members(field.Value, nil) {
		if s.Kind != jsontext.String {
			return fmt.Errorf("key %s: not a string but %v", quote(string(s.Key)), s.Kind)
		}
		key := string(s.Key)
		f.keys[key] = len(f.metadata)
		text := Value{typ: TypeString, n: 1, raw: jsontext.AppendUnquoted(nil, s.Value)}
		f.metadata = append(f.metadata, Entry{key, text})
	}
	return nil
}

// readInfo reads what the header has on a tensor. Offset becomes that in the data, which has size bytes.
func (t *Tensor) readInfo(field jsontext.Field, size int) error {
	if field.Kind != jsontext.KindObject {
		return fmt.Errorf("not an object but %v", field.Kind)
	}
	var dtype, shape, offsets []byte
	for _, member := range jsontext.Members(field.Value, nil) {
		switch string(member.Key) {
		case "dtype":
			dtype = member.Value
		case "shape":
			shape = member.Value
		case "data_offsets":
			offsets = member.Value
		}
	}
	if jsontext.KindOf(dtype) != jsontext.String {
		return errors.New("dtype is not a string")
	}
	t.DType = DType(jsontext.AppendUnquoted(nil, dtype))
	dims, err := integers(shape, maxDims)
	if err != nil {
		return fmt.Errorf("shape: %w", err)
	}
	t.Shape = make([]int, len(dims))
	for i, dim := range dims {
		if t.Shape[i] = int(dim); t.Shape[i] < 0 || uint64(t.Shape[i]) != dim {
			return fmt.Errorf("a dimension of %d", dim)
		}
	}
	span, err := integers(offsets, 2)
	if err == nil && len(span) != 2 {
		err = fmt.Errorf("%d numbers, not 2", len(span))
	}
	if err != nil {
		return fmt.Errorf("data_offsets: %w", err)
	}
	if t.Size, err = t.DType.safetensorsSize(t.Shape); err != nil {
		return err
	}
	if span[0] > span[1] || span[1]-span[0] != uint64(t.Size) {
		return fmt.Errorf("data from %d to %d, but type %s and shape %v take %d bytes",
			span[0], span[1], t.DType, t.Shape, t.Size)
	}
	if span[1] > uint64(size) {
		return fmt.Errorf("its data ends at %d, but the file has %d bytes of data", span[1], size)
	}
	t.Offset = int64(span[0])
	return nil
}

// integers reads an array of at most that many whole numbers from accepted JSON, as the reference does:
// without sign, fraction and exponent.
func integers(raw []byte, most int) ([]uint64, error) {
	if jsontext.KindOf(raw) != jsontext.Array {
		return nil, errors.New("not an array")
	}
	if bytes.Count(raw, []byte(",")) >= most {
		return nil, fmt.Errorf("more than %d numbers", most)
	}
	var list []uint64
	for _, element := range jsontext.Elements(raw, nil) {
		n, err := strconv.ParseUint(string(element), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number below 2^64", quote(string(element)))
		}
		list = append(list, n)
	}
	return list, nil
}

// offsetIn returns where in the whole a part of it lies.
func offsetIn(whole, part []byte) int64 {
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole))))
}
