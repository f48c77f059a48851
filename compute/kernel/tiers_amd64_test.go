package kernel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// What a tier chooses must run on a machine of that tier. A kernel of a larger one may
// have the same bits, and then nothing but its name tells, on a machine that has both.
func TestTiersCallNoLargerOnes(t *testing.T) {
	tiers := []string{cpu.AVX2: "AVX2", cpu.AVX512: "AVX512", cpu.AVX512BF16: "AVX512BF16"}
	// tier is the one a kernel's name ends with, or Generic.
	tier := func(name string) cpu.Tier {
		return cpu.Tier(max(0, slices.IndexFunc(tiers, func(s string) bool { return s != "" && strings.HasSuffix(name, s) })))
	}
	chosen := 0
	files := token.NewFileSet()
	check := func(within cpu.Tier, node ast.Node) {
		ast.Inspect(node, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && within > cpu.Generic && tier(id.Name) > cpu.Generic {
				chosen++
				assert.LessOrEqual(t, tier(id.Name), within, "%s: %s is chosen for %s", files.Position(id.Pos()), id.Name, within)
			}
			return true
		})
	}
	// asked is the tier that a condition asks for, by == or >=, or Generic.
	asked := func(conditions ...ast.Expr) (least cpu.Tier) {
		for _, c := range conditions {
			ast.Inspect(c, func(n ast.Node) bool {
				if c, ok := n.(*ast.BinaryExpr); ok && (c.Op == token.EQL || c.Op == token.GEQ) {
					if want, ok := c.Y.(*ast.SelectorExpr); ok {
						least = max(least, tier(want.Sel.Name))
					}
				}
				return true
			})
		}
		return least
	}
	names, err := filepath.Glob("*_amd64.go")
	require.NoError(t, err)
	for _, name := range names {
		file, err := parser.ParseFile(files, name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body != nil {
					check(tier(n.Name.Name), n.Body)
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					check(tier(n.Names[i].Name), value)
				}
			case *ast.IfStmt:
				check(asked(n.Cond), n.Body)
			case *ast.CaseClause:
				for _, statement := range n.Body {
					check(asked(n.List...), statement)
				}
			}
			return true
		})
	}
	assert.Greater(t, chosen, 100)
}
