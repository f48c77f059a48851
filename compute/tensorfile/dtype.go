package tensorfile

import (
	"fmt"
	"math"
	"slices"

	"smelt/compute/kernel"
)

// DType is the type of a tensor's elements, by its name in the file: those below, which Data gives, and
// others such as "I64" or "IQ2_XS", which are listed with their size and can be neither read nor written.
type DType string

// The types that are read. The last six are block formats, which only GGUF has; kernel.BlockFormat
// has their layout.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	Q8_0 DType = "Q8_0"
	Q4_0 DType = "Q4_0"
	Q4_1 DType = "Q4_1"
	Q5_0 DType = "Q5_0"
	Q4K  DType = "Q4_K"
	Q6K  DType = "Q6_K"
)

// Readable reports whether d is one of the types above.
func (d DType) Readable() bool {
	if _, ok := d.Block(); ok {
		return true
	}
	return d == F32 || d == F16 || d == BF16
}

// Block returns the block format that d is, if it is one that is read.
func (d DType) Block() (f kernel.BlockFormat, ok bool) {
	for f := range kernel.Q6K + 1 {
		if string(d) == f.String() {
			return f, true
		}
	}
	return 0, false
}

// Size returns how many bytes a tensor of that type and shape takes.
func (d DType) Size(shape []int) (int64, error) {
	block, bytes := d.layout()
	if block == 0 {
		return 0, fmt.Errorf("unknown type %q", string(d))
	}
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("negative dimension in shape %v", shape)
		}
		if dim != 0 && n > math.MaxInt64/uint64(dim) {
			return 0, fmt.Errorf("the product of shape %v is too large", shape)
		}
		n *= uint64(dim)
	}
	if n%uint64(block) != 0 {
		return 0, fmt.Errorf("shape %v is not whole blocks of %d elements of type %s", shape, block, d)
	}
	if n /= uint64(block); n > math.MaxInt64/uint64(bytes) {
		return 0, fmt.Errorf("shape %v of type %s is too large", shape, d)
	}
	return int64(n) * int64(bytes), nil
}

// inSafetensors reports whether safetensors files know the type.
func (d DType) inSafetensors() bool {
	switch d {
	case F32, F16, BF16, "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0",
		"F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "I32", "U32", "C64", "F64", "I64", "U64":
		return true
	}
	return false
}

// layout returns how many elements make a block and how many bytes that is; zeros for an unknown type.
// For safetensors this is Dtype::bitsize, for GGUF GGML_QUANT_SIZES in gguf-py/gguf/constants.py.
func (d DType) layout() (block, bytes int) {
	switch d {
	case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ":
		return 1, 1
	case F16, BF16, "I16", "U16":
		return 1, 2
	case F32, "I32", "U32":
		return 1, 4
	case "F64", "I64", "U64", "C64":
		return 1, 8
	case "F4":
		return 2, 1
	case "F6_E2M3", "F6_E3M2":
		return 4, 3
	case "MXFP4":
		return 32, 17
	case Q4_0, "IQ4_NL":
		return 32, 18
	case Q4_1:
		return 32, 20
	case Q5_0:
		return 32, 22
	case "Q5_1":
		return 32, 24
	case Q8_0:
		return 32, 34
	case "Q8_1":
		return 32, 36
	case "Q2_0":
		return 64, 18
	case "NVFP4":
		return 64, 36
	case "Q1_0":
		return 128, 18
	case "IQ1_S":
		return 256, 50
	case "TQ1_0":
		return 256, 54
	case "IQ1_M":
		return 256, 56
	case "IQ2_XXS", "TQ2_0":
		return 256, 66
	case "IQ2_XS":
		return 256, 74
	case "IQ2_S":
		return 256, 82
	case "Q2_K":
		return 256, 84
	case "IQ3_XXS":
		return 256, 98
	case "IQ3_S", "Q3_K":
		return 256, 110
	case "IQ4_XS":
		return 256, 136
	case Q4K:
		return 256, 144
	case "Q5_K":
		return 256, 176
	case Q6K:
		return 256, 210
	case "Q8_K":
		return 256, 292
	}
	return 0, 0
}

// ggufTypes returns the types by their number in GGUF files (enum ggml_type); those without a name are
// no longer in use.
func ggufTypes() [43]DType {
	return [...]DType{
		0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: "Q5_1", 8: Q8_0, 9: "Q8_1",
		10: "Q2_K", 11: "Q3_K", 12: Q4K, 13: "Q5_K", 14: Q6K, 15: "Q8_K",
		16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
		24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: BF16,
		34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0", 42: "Q2_0",
	}
}

const (
	ggufDims   = 4       // GGML_MAX_DIMS
	ggufName   = 63      // GGML_MAX_NAME, less the byte that ends a C string
	maxDims    = 64      // the most that torch has
	maxTensors = 1 << 18 // in one file; models of this kind have some hundreds
)

// safetensorsSize is Size by the rules of safetensors.
func (d DType) safetensorsSize(shape []int) (int64, error) {
	if !d.inSafetensors() {
		return 0, fmt.Errorf("safetensors has no type %s", quote(string(d)))
	}
	if len(shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions; at most %d are accepted", len(shape), maxDims)
	}
	return d.Size(shape)
}

// ggufSize is Size by the rules of GGUF.
func (d DType) ggufSize(shape []int) (int64, error) {
	types := ggufTypes()
	if d == "" || !slices.Contains(types[:], d) {
		return 0, fmt.Errorf("GGUF has no type %s", quote(string(d)))
	}
	if len(shape) > ggufDims {
		return 0, fmt.Errorf("%d dimensions; GGUF has at most %d", len(shape), ggufDims)
	}
	block, _ := d.layout()
	if block > 1 && (len(shape) == 0 || shape[len(shape)-1]%block != 0) {
		return 0, fmt.Errorf("the rows of shape %v are not whole blocks of %d elements of type %s", shape, block, d)
	}
	return d.Size(shape)
}

// checkGGUFName tells what keeps a tensor from having that name in a GGUF file.
func checkGGUFName(name string) error {
	if len(name) > ggufName {
		return fmt.Errorf("a name of %d bytes; GGUF has at most %d", len(name), ggufName)
	}
	return nil
}
