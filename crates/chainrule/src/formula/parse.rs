//! From [tokens](super::lex) to a tree, by precedence climbing: one function reads an operand and
//! then, as long as they bind as tightly as asked, operators with their right operands.
//!
//! Recursion goes as deep as brackets, exponents and signs are nested, which is limited; chains of
//! one precedence are read in a loop.

use chainrule_core::op::{Binary, Cmp, Unary};

use super::ast::{By, Case, Expr, Function, Node, Sign, Span};
use super::error::{FormulaError, nearest};
use super::lex::{Lexeme, Token};
use super::{MAX_HEIGHT, words};

type Parsed = Result<Node, FormulaError>;

/// Each level of a tree can be printed with one bracket, so that it takes two levels of recursion
/// to be read again.
const MAX_DEPTH: usize = 2 * MAX_HEIGHT + 8;

/// Precedences, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Compare,
    Sum,
    Product,
    Power,
}

impl Level {
    /// The next tighter one.
    fn tighter(self) -> Level {
        match self {
            Level::Or => Level::And,
            Level::And => Level::Compare,
            Level::Compare => Level::Sum,
            Level::Sum => Level::Product,
            Level::Product | Level::Power => Level::Power,
        }
    }
}

/// What stands between two operands.
#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Or,
    And,
    Compare(Cmp),
    Sum(Sign),
    Product(By),
    /// Nothing: a product.
    Nothing,
}

impl Operator {
    fn level(self) -> Level {
        match self {
            Operator::Or => Level::Or,
            Operator::And => Level::And,
            Operator::Compare(_) => Level::Compare,
            Operator::Sum(_) => Level::Sum,
            Operator::Product(_) | Operator::Nothing => Level::Product,
        }
    }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Lexeme],
    pub(super) declared: &'a [&'a str],
    at: usize,
    depth: usize,
    /// The open `|` and `‖` inside the innermost bracket.
    bars: [usize; 2],
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Lexeme], declared: &'a [&'a str]) -> Parser<'a> {
        Parser { text, tokens, declared, at: 0, depth: 0, bars: [0; 2] }
    }

    /// The whole text as one formula.
    pub(super) fn formula(mut self) -> Parsed {
        if *self.token() == Token::End {
            let error = self.fail("the formula is empty", Span::default());
            return Err(error.hint("write one, such as 3x^2 - 4x"));
        }
        let node = self.expr(Level::Or)?;
        match self.token() {
            Token::End => Ok(node),
            _ => Err(self.expected("an operator or the end")),
        }
    }

    fn lexeme(&self) -> &'a Lexeme {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn token(&self) -> &'a Token {
        &self.lexeme().token
    }

    fn next_is_glued(&self, token: &Token) -> bool {
        let next = &self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        next.token == *token && !next.spaced
    }

    /// Goes past a token, and gives its place.
    fn skip(&mut self) -> Span {
        let span = self.lexeme().span;
        self.at += 1;
        span
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.token() == token;
        self.at += usize::from(found);
        found
    }

    fn is_word(&self, words: &[&str]) -> bool {
        matches!(self.token(), Token::Word(w) if words.contains(&w.as_str()))
    }

    fn fail(&self, what: impl Into<String>, span: Span) -> FormulaError {
        FormulaError::new(what, self.text, span)
    }

    /// The error at the next token that something else is expected there.
    #[cold]
    fn expected(&self, what: &str) -> FormulaError {
        let Lexeme { token, span, .. } = self.lexeme();
        let part = |span: Span| -> String {
            self.text.chars().skip(span.start).take(span.end - span.start).collect()
        };
        let hint = match token {
            Token::Comma => Some("decimals take a point; commas separate arguments"),
            Token::Close(_) if what.contains("operator") => Some("check that brackets match"),
            _ => None,
        };
        let error = match token {
            Token::End => self.fail(format!("expected {what}, but the formula ends"), *span),
            _ => self.fail(format!("expected {what}, not `{}`", part(*span)), *span),
        };
        hint.into_iter().fold(error, FormulaError::hint)
    }

    /// A node whose height is within the limit.
    fn node(&self, expr: Expr, span: Span) -> Parsed {
        let node = Node::new(expr, span);
        if node.height() > MAX_HEIGHT {
            return Err(self.too_deep(span));
        }
        Ok(node)
    }

    #[cold]
    fn too_deep(&self, span: Span) -> FormulaError {
        let what = format!("the formula is nested more than {MAX_HEIGHT} levels deep");
        self.fail(what, span).hint("write it as several formulas")
    }

    /// An operand and what follows it, down to operators of `level`.
    fn expr(&mut self, level: Level) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep(self.lexeme().span));
        }
        let mut left = self.operand(level)?;
        let mut chain: Vec<(Operator, Node)> = vec![];
        while let Some(operator) = self.operator()?
            && operator.level() >= level
        {
            if chain.first().is_some_and(|(first, _)| first.level() != operator.level()) {
                left = self.close(left, std::mem::take(&mut chain))?;
            }
            if operator == Operator::Nothing {
                self.refuse_double_meaning(chain.last())?;
            } else {
                self.at += 1;
            }
            let right = self.expr(operator.level().tighter())?;
            chain.push((operator, right));
        }
        self.depth -= 1;
        self.close(left, chain)
    }

    /// `1/2x` may be (1/2)x or 1/(2x).
    fn refuse_double_meaning(&self, last: Option<&(Operator, Node)>) -> Result<(), FormulaError> {
        match last {
            Some((Operator::Product(By::Over), under)) if !self.lexeme().spaced => {
                let span = under.span().to(self.lexeme().span);
                Err(self
                    .fail("it is not clear what is below the fraction bar", span)
                    .hint("write a/(b c) if all of it is, (a/b)c or a/b c with a space if not"))
            }
            _ => Ok(()),
        }
    }

    /// The chain of operators of one level, as one node.
    fn close(&self, first: Node, chain: Vec<(Operator, Node)>) -> Parsed {
        let Some((operator, last)) = chain.last() else { return Ok(first) };
        let (operator, span) = (*operator, first.span().to(last.span()));
        let start = Box::new(first);
        let by = |operator: Operator| match operator {
            Operator::Product(by) => by,
            _ => By::Times,
        };
        let expr = match operator {
            Operator::Or | Operator::And => {
                let all = [*start].into_iter().chain(chain.into_iter().map(|(_, x)| x)).collect();
                if operator == Operator::Or { Expr::Or(all) } else { Expr::And(all) }
            }
            Operator::Compare(_) => {
                let compare =
                    |(o, x)| if let Operator::Compare(c) = o { Some((c, x)) } else { None };
                Expr::Compare(start, chain.into_iter().filter_map(compare).collect())
            }
            Operator::Sum(_) => {
                let sum = |(o, x)| if let Operator::Sum(s) = o { Some((s, x)) } else { None };
                Expr::Sum(start, chain.into_iter().filter_map(sum).collect())
            }
            Operator::Product(_) | Operator::Nothing => {
                Expr::Product(start, chain.into_iter().map(|(o, x)| (by(o), x)).collect())
            }
        };
        self.node(expr, span)
    }

    /// The operator that comes next, without going past it.
    fn operator(&self) -> Result<Option<Operator>, FormulaError> {
        Ok(Some(match self.token() {
            Token::Plus => Operator::Sum(Sign::Plus),
            Token::Minus => Operator::Sum(Sign::Minus),
            Token::Star => Operator::Product(By::Times),
            Token::DotStar => Operator::Product(By::Elementwise),
            Token::Slash => Operator::Product(By::Over),
            Token::Eq => Operator::Compare(Cmp::Eq),
            Token::Ne => Operator::Compare(Cmp::Ne),
            Token::Lt => Operator::Compare(Cmp::Lt),
            Token::Le => Operator::Compare(Cmp::Le),
            Token::Gt => Operator::Compare(Cmp::Gt),
            Token::Ge => Operator::Compare(Cmp::Ge),
            Token::Word(w) if w == "and" => Operator::And,
            Token::Word(w) if w == "or" => Operator::Or,
            Token::Number(_) => {
                let error = self.expected("an operator before the number");
                return Err(error.hint("a number multiplies from the left, as in 2x, or with `*`"));
            }
            Token::Open('[') => {
                let error = self.expected("an operator before the vector");
                return Err(error.hint("elements are not taken by index: name them x_1, x_2, …"));
            }
            _ if self.starts_operand() => Operator::Nothing,
            _ => return Ok(None),
        }))
    }

    /// Whether the next token, behind an operand, starts another.
    fn starts_operand(&self) -> bool {
        match self.token() {
            Token::Word(w) => !words::is_keyword(w),
            Token::Open(_) | Token::Root | Token::CubeRoot => true,
            Token::Bar => self.bars[0] == 0,
            Token::DoubleBar => self.bars[1] == 0,
            _ => false,
        }
    }

    /// Signs, then something that stands alone, then what is raised behind it.
    fn operand(&mut self, level: Level) -> Parsed {
        let start = self.lexeme().span;
        if self.take(&Token::Plus) {
            return self.expr(level.max(Level::Product));
        }
        if self.take(&Token::Minus) {
            let operand = self.expr(level.max(Level::Product))?;
            let span = start.to(operand.span());
            return self.node(Expr::Negate(Box::new(operand)), span);
        }
        if self.is_word(&["not"]) {
            self.at += 1;
            let operand = self.expr(level.max(Level::Compare))?;
            let span = start.to(operand.span());
            return self.node(Expr::Not(Box::new(operand)), span);
        }
        let base = self.primary()?;
        self.raised(base)
    }

    /// Primes and exponents behind `base`.
    fn raised(&mut self, mut base: Node) -> Parsed {
        loop {
            let span = base.span();
            base = match self.token() {
                Token::Prime => {
                    let span = span.to(self.skip());
                    self.node(Expr::Transpose(Box::new(base)), span)?
                }
                Token::Raise => {
                    let (exponent, end) = self.small()?;
                    self.node(Expr::Power(Box::new(base), Box::new(exponent)), span.to(end))?
                }
                Token::Caret => {
                    self.at += 1;
                    let exponent = self.expr(Level::Power)?;
                    let span = span.to(exponent.span());
                    return self.node(Expr::Power(Box::new(base), Box::new(exponent)), span);
                }
                Token::DotCaret => {
                    self.at += 1;
                    let exponent = self.expr(Level::Power)?;
                    let span = span.to(exponent.span());
                    let pow = Function::Zip(Binary::Pow);
                    return self.node(Expr::Call(pow, vec![base, exponent]), span);
                }
                _ => return Ok(base),
            };
        }
    }

    /// An exponent in raised characters, and its place.
    fn small(&mut self) -> Result<(Node, Span), FormulaError> {
        self.at += 1;
        let exponent = self.inside(|p| p.expr(Level::Sum))?;
        match self.token() {
            Token::Lower => {
                let end = self.skip();
                Ok((exponent, end))
            }
            _ => Err(self.expected("the end of the exponent")),
        }
    }

    /// Reads with no bar open, as inside of brackets.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'a>) -> Result<T, FormulaError>,
    ) -> Result<T, FormulaError> {
        let bars = std::mem::take(&mut self.bars);
        let result = read(self)?;
        self.bars = bars;
        Ok(result)
    }

    /// A number, a name, a function with its argument, or something in brackets.
    fn primary(&mut self) -> Parsed {
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
    fn closing(&mut self, close: char, open: Span) -> Result<Span, FormulaError> {
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

    fn word(&mut self, word: &str) -> Parsed {
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

    /// `(a, b, …)`, and where it ends.
    fn arguments(&mut self) -> Result<(Vec<Node>, Span), FormulaError> {
        let open = self.skip();
        let mut all = vec![];
        loop {
            all.push(self.inside(|p| p.expr(Level::Or))?);
            if !self.take(&Token::Comma) {
                return Ok((all, self.closing(')', open)?));
            }
        }
    }

    /// A function's name has been read: its power, if it has one, and its arguments.
    fn call(&mut self, function: Function, word: &str, start: Span) -> Parsed {
        let power = match self.token() {
            Token::Raise => Some(self.small()?.0),
            Token::Caret => Some(self.small_power()?),
            _ => None,
        };
        let (function, power) = match power {
            Some(p) if is_minus_one(&p) => match function.inverse() {
                Some(inverse) => (inverse, None),
                None => {
                    let what = format!("`{word}⁻¹` may be the inverse or the reciprocal");
                    let hint = format!("write 1/{word}(x), or the inverse function by its name");
                    return Err(self.fail(what, start.to(p.span())).hint(hint));
                }
            },
            power => (function, power),
        };
        let (least, most) = function.arguments();
        let (arguments, end) = if *self.token() == Token::Open('(') {
            self.arguments()?
        } else if least == 1 {
            let argument = self.argument(word)?;
            let end = argument.span();
            (vec![argument], end)
        } else {
            return Err(self.expected(&format!("the arguments of `{word}` in brackets")));
        };
        let span = start.to(end);
        if !(least..=most).contains(&arguments.len()) {
            let n = ["", "one argument", "two arguments"][least];
            let what = format!("`{word}` takes {n}, not {}", arguments.len());
            return Err(self.fail(what, span));
        }
        let call = self.node(Expr::Call(function, arguments), span)?;
        match power {
            None => Ok(call),
            Some(p) => self.node(Expr::Power(Box::new(call), Box::new(p)), span),
        }
    }

    /// The exponent between a function's name and its argument: one number, name or bracket.
    fn small_power(&mut self) -> Parsed {
        self.at += 1;
        let start = self.lexeme().span;
        let minus = self.take(&Token::Minus);
        let exponent = match self.token() {
            Token::Number(_) | Token::Open('(' | '{') => self.primary()?,
            Token::Word(w) if Function::named(w).is_none() => self.primary()?,
            _ => return Err(self.expected("a number, a name or a bracket")),
        };
        let span = start.to(exponent.span());
        if minus { self.node(Expr::Negate(Box::new(exponent)), span) } else { Ok(exponent) }
    }

    /// The argument of a function without brackets: a factor, and the names that follow it without
    /// space, as in `sin 2πx`.
    fn argument(&mut self, word: &str) -> Parsed {
        let start = self.lexeme().span;
        if self.take(&Token::Minus) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.too_deep(start));
            }
            let argument = self.argument(word)?;
            self.depth -= 1;
            let span = start.to(argument.span());
            return self.node(Expr::Negate(Box::new(argument)), span);
        }
        if !matches!(self.token(), Token::Number(_)) && !self.starts_operand() {
            return Err(self.expected(&format!("the argument of `{word}`")));
        }
        let first = self.expr(Level::Power)?;
        let mut literal = first.is_literal();
        let mut rest: Vec<(By, Node)> = vec![];
        while self.starts_operand() {
            let Lexeme { token, span, spaced } = self.lexeme();
            let is_function = self.is_function();
            let is_name = matches!(token, Token::Word(_)) && !is_function;
            // A number and what it stands at belong together; `ln 2 sin x` is a product.
            if *spaced && (is_function || !literal) || !literal && is_function {
                break;
            }
            if *spaced || !literal && !is_name {
                let what = format!("it is not clear where the argument of `{word}` ends");
                let hint = format!("put it in brackets: {word}(…)");
                return Err(self.fail(what, start.to(*span)).hint(hint));
            }
            let factor = self.expr(Level::Power)?;
            literal &= factor.is_literal();
            rest.push((By::Times, factor));
        }
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let span = start.to(last.span());
        self.node(Expr::Product(Box::new(first), rest), span)
    }

    /// Whether the next token is the name of a function.
    fn is_function(&self) -> bool {
        matches!(self.token(), Token::Word(w)
            if !self.declared.contains(&w.as_str()) && words::is_function(w))
    }
}

fn is_minus_one(node: &Node) -> bool {
    matches!(node.expr(), Expr::Negate(one) if *one.expr() == Expr::Number(1.0))
}
