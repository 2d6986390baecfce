//! From [tokens](super::lex) to a tree, by precedence climbing: one function reads an operand and
//! then, as long as they bind as tightly as asked, operators with their right operands.
//!
//! Recursion goes as deep as brackets, exponents and signs are nested, which is limited; chains of
//! one precedence are read in a loop.

use chainrule_core::op::{Binary, Cmp};

use super::ast::{By, Expr, Function, Node, Sign, Span};
use super::error::FormulaError;
use super::lex::{Lexeme, Token};
use super::{MAX_HEIGHT, words};

pub(super) type Parsed = Result<Node, FormulaError>;

/// Each level of a tree can be printed with one bracket, so that it takes two levels of recursion
/// to be read again.
pub(super) const MAX_DEPTH: usize = 2 * MAX_HEIGHT + 8;

/// Precedences, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
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
    pub(super) at: usize,
    pub(super) depth: usize,
    /// The open `|` and `‖` inside the innermost bracket.
    pub(super) bars: [usize; 2],
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

    pub(super) fn lexeme(&self) -> &'a Lexeme {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn token(&self) -> &'a Token {
        &self.lexeme().token
    }

    pub(super) fn next_is_glued(&self, token: &Token) -> bool {
        let next = &self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        next.token == *token && !next.spaced
    }

    /// Goes past a token, and gives its place.
    pub(super) fn skip(&mut self) -> Span {
        let span = self.lexeme().span;
        self.at += 1;
        span
    }

    pub(super) fn take(&mut self, token: &Token) -> bool {
        let found = self.token() == token;
        self.at += usize::from(found);
        found
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        matches!(self.token(), Token::Word(w) if words.contains(&w.as_str()))
    }

    pub(super) fn fail(&self, what: impl Into<String>, span: Span) -> FormulaError {
        FormulaError::new(what, self.text, span)
    }

    /// The error at the next token that something else is expected there.
    #[cold]
    pub(super) fn expected(&self, what: &str) -> FormulaError {
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
    pub(super) fn node(&self, expr: Expr, span: Span) -> Parsed {
        let node = Node::new(expr, span);
        if node.height() > MAX_HEIGHT {
            return Err(self.too_deep(span));
        }
        Ok(node)
    }

    #[cold]
    pub(super) fn too_deep(&self, span: Span) -> FormulaError {
        let what = format!("the formula is nested more than {MAX_HEIGHT} levels deep");
        self.fail(what, span).hint("write it as several formulas")
    }

    /// An operand and what follows it, down to operators of `level`.
    pub(super) fn expr(&mut self, level: Level) -> Parsed {
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
    pub(super) fn starts_operand(&self) -> bool {
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
    pub(super) fn raised(&mut self, mut base: Node) -> Parsed {
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
    pub(super) fn small(&mut self) -> Result<(Node, Span), FormulaError> {
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
    pub(super) fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'a>) -> Result<T, FormulaError>,
    ) -> Result<T, FormulaError> {
        let bars = std::mem::take(&mut self.bars);
        let result = read(self)?;
        self.bars = bars;
        Ok(result)
    }
}
