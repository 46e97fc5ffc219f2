// The editor: Python code, the line of the step of the moment, and the line of an error.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec, StateEffect, StateField, type Range } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  gutterLineClass,
  GutterMarker,
  keymap,
  lineNumbers,
  type DecorationSet,
} from "@codemirror/view";
import { RangeSet } from "@codemirror/state";
import { tags } from "@lezer/highlight";

export interface Marks {
  active: number | null; // the line of the step of the moment, from 1
  wrong: number | null; // the line of an error
  column: number | null; // and the place in it, from 0
  recorded: ReadonlySet<number>; // lines that made nodes
}

const MARGIN = 40; // pixels around a line that is brought into sight
const NO_MARKS: Marks = { active: null, wrong: null, column: null, recorded: new Set() };
const setMarks = StateEffect.define<Marks>();

const ACTIVE = Decoration.line({ class: "is-active" });
const WRONG = Decoration.line({ class: "is-wrong" });
const PLACE = Decoration.mark({ class: "is-wrong-place" });
class Recorded extends GutterMarker {
  override elementClass = "is-recorded";
}
const RECORDED = new Recorded();

function decorated(state: EditorState, marks: Marks): DecorationSet {
  const ranges: Range<Decoration>[] = [];
  const line = (number: number | null) =>
    number !== null && number >= 1 && number <= state.doc.lines ? state.doc.line(number) : null;
  const [active, wrong] = [line(marks.active), line(marks.wrong)];
  if (active) ranges.push(ACTIVE.range(active.from));
  if (wrong) ranges.push(WRONG.range(wrong.from));
  if (wrong && marks.column !== null && marks.column < wrong.length) {
    ranges.push(PLACE.range(wrong.from + marks.column, wrong.to));
  }
  return Decoration.set(ranges, true);
}

const decorations = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) return decorated(transaction.state, effect.value);
    }
    return set.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

const recordedLines = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(set, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setMarks)) continue;
      const { doc } = transaction.state;
      const known = [...effect.value.recorded].filter((number) => number <= doc.lines).sort((a, b) => a - b);
      return RangeSet.of(known.map((number) => RECORDED.range(doc.line(number).from)));
    }
    return set.map(transaction.changes);
  },
  provide: (field) => gutterLineClass.from(field),
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--code-keyword)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.className, tags.definition(tags.className)], color: "var(--code-name)" },
]);

export interface EditorEvents {
  onRun: () => void;
  onChange: () => void;
  onLine: (line: number) => void; // a line number was clicked
  onLeave: () => void; // Escape: keys go elsewhere
}

export class Editor {
  readonly view: EditorView;
  private marks: Marks = NO_MARKS;

  constructor(parent: HTMLElement, code: string, events: EditorEvents) {
    const run = () => (events.onRun(), true);
    this.view = new EditorView({
      parent,
      doc: code,
      extensions: [
        Prec.highest(
          keymap.of([
            { key: "Mod-Enter", run },
            { key: "Shift-Enter", run },
            { key: "Escape", run: () => (events.onLeave(), true) },
          ]),
        ),
        lineNumbers({
          domEventHandlers: {
            click: (view, block) => (events.onLine(view.state.doc.lineAt(block.from).number), true),
          },
        }),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        python(),
        syntaxHighlighting(colours),
        decorations,
        recordedLines,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({
          "aria-label": "Python code. Control+Enter runs it, Escape leaves the editor.",
          autocapitalize: "off",
          autocorrect: "off",
          spellcheck: "false",
        }),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => update.docChanged && events.onChange()),
      ],
    });
  }

  get code(): string {
    return this.view.state.doc.toString();
  }

  set code(code: string) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: code } });
  }

  /** Write another text at a place in a line, from 1; return where it ends there. */
  replace(line: number, from: number, to: number, text: string): number {
    const start = this.view.state.doc.line(line).from;
    this.view.dispatch({ changes: { from: start + from, to: start + to, insert: text } });
    return from + text.length;
  }

  /** Show which lines are meant; what is not named stays as it is. */
  mark(marks: Partial<Marks>): void {
    this.marks = { ...this.marks, ...marks };
    this.view.dispatch({ effects: setMarks.of(this.marks) });
    const shown = marks.wrong ?? marks.active ?? null;
    if (shown !== null && shown <= this.view.state.doc.lines) this.reveal(shown);
  }

  /** Bring a line into sight, within the editor: the page stays where it is. */
  private reveal(line: number): void {
    const { scrollDOM, state } = this.view;
    const { top, bottom } = this.view.lineBlockAt(state.doc.line(line).from);
    const lowest = bottom + MARGIN - scrollDOM.clientHeight;
    scrollDOM.scrollTop = Math.min(Math.max(scrollDOM.scrollTop, lowest), Math.max(0, top - MARGIN));
  }

  unmark(): void {
    this.mark(NO_MARKS);
  }

  focus(line?: number): void {
    if (line !== undefined && line <= this.view.state.doc.lines) {
      this.view.dispatch({ selection: { anchor: this.view.state.doc.line(line).from }, scrollIntoView: true });
    }
    this.view.focus();
  }
}
