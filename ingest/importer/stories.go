package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"smelt/ingest"
	"smelt/ingest/container"
)

// Prompts and stories are two texts, a line of one for a line of the other, or
// records {"prompt","story"}:
//
//	train.wp_source   [ WP ] You find a door in the cellar .
//	train.wp_target   I had lived there for years . <newline> <newline> Then ...
//
// Either of the two files stands for both; the other is taken from the paths
// given or found beside it by name, compressed or not. The row is
//
//	{"instruction":PROMPT,"output":STORY}
//
// without the tags around a prompt, and with <newline> and the spaces around it
// made the line break it stands for. The spaces that the dump's tokeniser put
// before punctuation stay: where they were none of the author's is not on record.
//
// Skipped are pairs of which one is empty or not UTF-8. A file with fewer lines
// than the other is an error, after the pairs that there are: somewhere in it a
// line was lost, and from there on stories answer other prompts.

var (
	promptTag = regexp.MustCompile(`^\s*\[\s*[A-Za-z]{2}\s*\]\s*|\s*\[\s*[A-Za-z]{2}\s*\]\s*$`)
	newline   = regexp.MustCompile(`[ \t]*<newline>[ \t]*`)
	storyPart = regexp.MustCompile(`^(.+)\.wp_(source|target)((?:\.[a-z0-9]+)?)$`)
)

func storyRow(dst []byte, r *record) ([]byte, string) {
	prompt, _ := r.text("prompt")
	story, _ := r.text("story")
	dst, skipped := appendStory(dst, prompt, story)
	return r.carry(dst), skipped
}

func appendStory(dst []byte, prompt, story string) ([]byte, string) {
	prompt, story = cleanPrompt(prompt), breakLines(story)
	switch {
	case prompt == "":
		return dst, "no prompt"
	case story == "":
		return dst, "no story"
	}
	return member(member(dst, "instruction", prompt), "output", story), ""
}

// cleanPrompt takes the tags off both ends, of which there may be several.
func cleanPrompt(text string) string {
	for {
		shorter := promptTag.ReplaceAllString(text, "")
		if len(shorter) == len(text) {
			return breakLines(text)
		}
		text = shorter
	}
}

func breakLines(text string) string {
	return strings.TrimSpace(newline.ReplaceAllString(text, "\n"))
}

func storyFiles(ctx context.Context, paths []string) ([]*File, error) {
	var files []*File
	var used []string
	for _, path := range paths {
		name := storyPart.FindStringSubmatch(path)
		if name == nil {
			f, err := recordFile(ctx, path, storyRow)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
			continue
		}
		if slices.Contains(used, path) {
			continue
		}
		pair := []string{path, path}
		which, stem := slices.Index([]string{"source", "target"}, name[2]), name[1]
		other, err := otherPart(paths, stem+".wp_"+[]string{"target", "source"}[which], name[3])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		pair[1-which] = other
		used = append(used, pair...)
		f, err := newFile(pair, func(f *File, parts []ingest.Input) (io.ReadCloser, error) {
			return openPair(ctx, f, parts)
		})
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// otherPart finds a file of that name, as it was given or is on disk, packed
// like its other half or in another way.
func otherPart(given []string, name, ending string) (string, error) {
	endings := []string{ending, "", ".gz", ".zst", ".bz2"}
	for _, e := range endings {
		if slices.Contains(given, name+e) {
			return name + e, nil
		}
	}
	for _, e := range endings {
		_, err := os.Stat(name + e)
		if err == nil {
			return name + e, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("its other half is missing; put %s beside it", name)
}

// pairs converts a file of prompts and one of stories.
type pairs struct {
	lines [2]*lines
	names [2]string
}

func openPair(ctx context.Context, f *File, parts []ingest.Input) (io.ReadCloser, error) {
	p, s := &pairs{}, &stream{counts: counts{file: f}}
	s.fill = p.fill
	for i, in := range parts {
		part, err := openPart(ctx, in, container.JSONL) // lines as they are
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", in.Name, err), s.Close())
		}
		p.lines[i], p.names[i] = newLines(part), in.Name
		s.closers = append(s.closers, part)
	}
	return s, nil
}

func (p *pairs) fill(dst []byte, c *counts) ([]byte, error) {
	var text [2]string
	var ended [2]bool
	for i, l := range p.lines {
		line, err := l.next()
		switch ended[i] = errors.Is(err, io.EOF); {
		case err != nil && !ended[i]:
			return dst, fmt.Errorf("%s, line %d: %w", p.names[i], c.records+1, err)
		default:
			text[i] = string(line)
		}
	}
	for i := range ended {
		if ended[i] && !ended[1-i] {
			return dst, fmt.Errorf("%s ends after line %d and %s goes on, so they are not of one dump or not whole: fetch both again", p.names[i], c.records, p.names[1-i])
		}
	}
	if ended[0] {
		return dst, io.EOF
	}
	c.records++
	if !utf8.ValidString(text[0]) || !utf8.ValidString(text[1]) {
		c.skip("not valid UTF-8")
		return append(dst, '\n'), nil
	}
	from := len(dst)
	dst, skipped := appendStory(append(dst, '{'), text[0], text[1])
	if skipped != "" {
		c.skip(skipped)
		return append(dst[:from], '\n'), nil
	}
	return append(dst, "}\n"...), nil
}
