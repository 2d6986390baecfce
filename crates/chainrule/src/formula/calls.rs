//! Functions with their arguments, in brackets or without.

use super::ast::{By, Expr, Function, Node, Span};
use super::error::FormulaError;
use super::lex::{Lexeme, Token};
use super::parse::{Level, MAX_DEPTH, Parsed, Parser};
use super::words;

impl Parser<'_> {
    /// `(a, b, …)`, and where it ends.
    pub(super) fn arguments(&mut self) -> Result<(Vec<Node>, Span), FormulaError> {
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
    pub(super) fn call(&mut self, function: Function, word: &str, start: Span) -> Parsed {
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
