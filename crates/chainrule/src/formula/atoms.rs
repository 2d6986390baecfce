//! What stands alone in a formula: numbers, names, and everything in brackets.

use chainrule_core::op::Unary;

use super::ast::{Case, Expr, Function, Node, Span};
use super::error::{FormulaError, nearest};
use super::lex::Token;
use super::parse::{Level, Parsed, Parser};
use super::words;

impl Parser<'_> {
    /// A number, a name, a function with its argument, or something in brackets.
    pub(super) fn primary(&mut self) -> Parsed {
        let span = self.lexeme().span;
        match self.token() {
            Token::Number(x) => {
                self.at += 1;
                self.node(Expr::Number(*x), span)
            }
            Token::Word(word) => self.word(word),
            Token::Open('(') => {
                self.at += 1;
                let inner = self.inside(|p| p.expr(Level::Or))?;
                let end = self.closing(')', span)?;
                Ok(inner.spanning(span.to(end)))
            }
            Token::Open('[') => self.vector(),
            Token::Open('{') => self.cases(),
            Token::Open(c) => {
                let (close, op) =
                    if *c == '⌊' { ('⌋', Unary::floor) } else { ('⌉', Unary::ceil) };
                self.at += 1;
                let inner = self.inside(|p| p.expr(Level::Sum))?;
                let end = self.closing(close, span)?;
                self.node(Expr::Call(Function::Map(op), vec![inner]), span.to(end))
            }
            Token::Bar | Token::DoubleBar => self.between_bars(),
            Token::Root | Token::CubeRoot => {
                let op = if *self.token() == Token::Root { Unary::sqrt } else { Unary::cbrt };
                self.at += 1;
                let argument = self.expr(Level::Power)?;
                let span = span.to(argument.span());
                self.node(Expr::Call(Function::Map(op), vec![argument]), span)
            }
            _ => Err(self.expected("a number, a name or a bracket")),
        }
    }

    /// The closing bracket that belongs to the one at `open`.
    pub(super) fn closing(&mut self, close: char, open: Span) -> Result<Span, FormulaError> {
        match self.token() {
            Token::Close(c) if *c == close => Ok(self.skip()),
            Token::End => Err(self.fail(format!("this bracket is not closed by `{close}`"), open)),
            _ => Err(self.expected(&format!("an operator or `{close}`"))),
        }
    }

    /// |a|, ‖a‖, or the norm written ||a||.
    fn between_bars(&mut self) -> Parsed {
        let (bar, open) = (self.token().clone(), self.lexeme().span);
        let kind = usize::from(bar == Token::DoubleBar);
        let double = kind == 0 && self.next_is_glued(&Token::Bar);
        self.at += 1;
        let inside = self.at;
        self.bars[kind] += 1;
        let inner = self.expr(Level::Sum)?;
        self.bars[kind] -= 1;
        if *self.token() != bar {
            return Err(match self.token() {
                Token::End => self.fail("this bar has no second one", open),
                _ => self.expected("an operator or the second bar"),
            });
        }
        let end = self.lexeme();
        self.at += 1;
        let span = open.to(end.span);
        // The inner bars of ||a|| reach from one outer bar to the other.
        let reaches = inner.span() == Span { start: open.end, end: end.span.start };
        if let Expr::Call(Function::Map(Unary::abs), of) = inner.expr()
            && double
            && reaches
            && !end.spaced
            && self.tokens[inside].token == Token::Bar
        {
            return self.node(Expr::Call(Function::Norm, of.clone()), span);
        }
        let function = if kind == 0 { Function::Map(Unary::abs) } else { Function::Norm };
        self.node(Expr::Call(function, vec![inner]), span)
    }

    /// `[a, b]`, or rows: `[a, b; c, d]`.
    fn vector(&mut self) -> Parsed {
        let open = self.skip();
        let (mut rows, mut row) = (vec![], vec![]);
        loop {
            row.push(self.inside(|p| p.expr(Level::Or))?);
            let ends = match self.token() {
                Token::Comma => false,
                Token::Semicolon => true,
                _ => break,
            };
            self.at += 1;
            if ends {
                let span = open.to(self.lexeme().span);
                rows.push(self.node(Expr::Vector(std::mem::take(&mut row)), span)?);
            }
        }
        let span = open.to(self.closing(']', open)?);
        if !rows.is_empty() {
            rows.push(self.node(Expr::Vector(row), span)?);
            row = rows;
        }
        self.node(Expr::Vector(row), span)
    }

    /// `{a if x > 0; b otherwise}`, or anything else in braces.
    fn cases(&mut self) -> Parsed {
        let open = self.skip();
        let (mut cases, mut otherwise) = (vec![], None);
        loop {
            let value = self.inside(|p| p.expr(Level::Or))?;
            if self.is_word(&["if"]) {
                self.at += 1;
                let condition = self.inside(|p| p.expr(Level::Or))?;
                cases.push(Case { value, condition });
                if matches!(self.token(), Token::Semicolon | Token::Comma) {
                    self.at += 1;
                    continue;
                }
                break;
            }
            if self.is_word(&["otherwise", "else"]) && !cases.is_empty() {
                self.at += 1;
                otherwise = Some(Box::new(value));
                break;
            }
            if cases.is_empty() && *self.token() == Token::Close('}') {
                let end = self.skip();
                return Ok(value.spanning(open.to(end)));
            }
            return Err(self.expected("`if` and a condition, or `otherwise`"));
        }
        let end = self.closing('}', open)?;
        self.node(Expr::Piecewise(cases, otherwise), open.to(end))
    }

    pub(super) fn word(&mut self, word: &str) -> Parsed {
        let span = self.lexeme().span;
        let declared = self.declared.contains(&word);
        if !declared {
            if word == "if" || word == "where" {
                return self.choice();
            }
            if words::is_keyword(word) {
                return Err(self.expected("a number, a name or a bracket"));
            }
            if let Some(function) = Function::named(word) {
                self.at += 1;
                return self.call(function, word, span);
            }
            if let Some(constant) = words::constant(word) {
                self.at += 1;
                return self.node(Expr::Constant(constant), span);
            }
            if words::is_long(word) && self.next_is_glued(&Token::Open('(')) {
                let names = words::functions();
                let near = nearest(word, names.iter().copied());
                let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
                let what = format!("`{word}` is not a function");
                let hint = format!("{near}a product is written `{word}*(…)`");
                return Err(self.fail(what, span).hint(hint));
            }
        }
        self.at += 1;
        self.node(Expr::Variable(word.into()), span)
    }

    /// `if(condition, a, b)`.
    fn choice(&mut self) -> Parsed {
        let start = self.skip();
        if *self.token() != Token::Open('(') {
            return Err(self.expected("a bracket behind `if`"));
        }
        let (arguments, end) = self.arguments()?;
        let span = start.to(end);
        let Ok([condition, value, otherwise]) = <[Node; 3]>::try_from(arguments) else {
            let what = "`if` takes a condition and two values";
            return Err(self.fail(what, span).hint("write if(x > 0, x, -x)"));
        };
        let cases = vec![Case { value, condition }];
        self.node(Expr::Piecewise(cases, Some(Box::new(otherwise))), span)
    }
}
