//! The loop over instructions.

use crate::code::Op;
use crate::fault::{Outcome, Raise};
use crate::natives::{self, Context, arithmetic, format};
use crate::value::Value;

use super::backtrack::ForkKind;
use super::{Flow, Machine, NONE};

impl Machine<'_> {
    /// Runs until there is an output; `None` when it must go back for one.
    pub(super) fn run(&mut self) -> Outcome<Option<Value>> {
        loop {
            self.meter.step()?;
            let op = self.code.ops[self.at as usize];
            self.at += 1;
            match self.instruction(op)? {
                Some(Flow::Next) => {}
                Some(Flow::Output) => {
                    let output = self.pop();
                    self.frame = NONE;
                    return Ok(Some(output));
                }
                None => return Ok(None),
            }
        }
    }

    /// Does what an instruction says; `None` when it has no output and goes back.
    #[inline]
    #[expect(clippy::too_many_lines, reason = "one line for each instruction")]
    fn instruction(&mut self, op: Op) -> Outcome<Option<Flow>> {
        match op {
            Op::Const(constant) => {
                let value = self.code.constants[constant as usize].clone();
                self.replace(value)?;
            }
            Op::Load { level, slot } => {
                let value = self.local(level, slot).clone();
                self.replace(value)?;
            }
            Op::Push(slot) => {
                let value = self.local(0, slot).clone();
                self.push(value)?;
            }
            Op::PushTaken(slot) => {
                let value = self.take_local(slot);
                self.push(value)?;
            }
            Op::Take(slot) => {
                let value = self.take_local(slot);
                self.replace(value)?;
            }
            Op::Store(slot) => *self.local_mut(slot) = self.pop(),
            Op::Clear(slot) => *self.local_mut(slot) = Value::Null,
            Op::Dup => self.push(self.peek().clone())?,
            Op::Pop => drop(self.pop()),
            Op::SubBegin => {
                self.push(self.peek().clone())?;
                self.subs += 1;
            }
            Op::SubEnd => {
                let output = self.pop();
                let input = self.pop();
                self.push(output)?;
                self.push(input)?;
                self.subs -= 1;
            }
            Op::Enter => self.subs += 1,
            Op::Leave => self.subs -= 1,
            Op::Field(key) => {
                let code = self.code;
                self.field(&code.constants[key as usize])?;
            }
            Op::Index => {
                let value = self.pop();
                let key = self.pop();
                self.index(value, key)?;
            }
            Op::Slice { from, to } => self.slice(from, to)?,
            Op::Each => return self.each().map(goes_on),
            Op::GetPath => self.get_path()?,
            Op::Range { by } => return self.range(by).map(goes_on),
            Op::Binary(operator) => {
                let left = self.pop();
                let right = self.pop();
                self.subs -= 1;
                let value = arithmetic::apply(operator, left, right, &mut self.meter)?;
                self.push(value)?;
            }
            Op::BinaryConst(operator, right) => {
                let left = self.pop();
                self.subs -= 1;
                let right = self.code.constants[right as usize].clone();
                let value = arithmetic::apply(operator, left, right, &mut self.meter)?;
                self.push(value)?;
            }
            Op::Negate => {
                let value = self.pop();
                let negated = arithmetic::negate(&value, &mut self.meter)?;
                self.push(negated)?;
            }
            Op::Truth => {
                let value = self.pop();
                self.subs -= 1;
                self.push(Value::Bool(value.is_true()))?;
            }
            Op::Format(kind) => {
                let value = self.pop();
                let text = format::apply(kind, value, &mut self.meter)?;
                self.push(text)?;
            }
            Op::Interpolate(template) => self.interpolate(template)?,
            Op::NewArray(slot) => self.new_array(slot)?,
            Op::Append(slot) => self.append(slot)?,
            Op::NewObject => self.new_object()?,
            Op::Insert => self.insert(None)?,
            Op::InsertConst(key) => {
                let code = self.code;
                if let Value::String(key) = &code.constants[key as usize] {
                    self.insert(Some(key))?;
                }
            }
            Op::Jump(target) => self.at = target,
            Op::BranchFalse(target) => {
                self.subs -= 1;
                if !self.pop().is_true() {
                    self.at = target;
                }
            }
            Op::Fork(target) => self.fork(ForkKind::Resume, target)?,
            Op::Backtrack => return Ok(None),
            Op::BacktrackIf(wanted) => return Ok(goes_on(self.peek().is_true() != wanted)),
            Op::TryBegin(target) => self.fork(ForkKind::Try, target)?,
            Op::TryEnd => self.end_try()?,
            Op::OrElse(target) => self.fork(ForkKind::OrElse, target)?,
            Op::Label(slot) => {
                self.labels += 1;
                *self.local_mut(slot) = Value::from(self.labels);
                self.fork(ForkKind::Label(self.labels), 0)?;
            }
            Op::Break { level, slot } => return Err(self.break_to(level, slot)),
            Op::Mark(slot, target) => {
                *self.local_mut(slot) = Value::from(self.forks.len());
                self.fork(ForkKind::Resume, target)?;
            }
            Op::Cut(slot) => self.cut(slot)?,
            Op::Call(site) => self.call(site, false)?,
            Op::TailCall(site) => self.call(site, true)?,
            Op::Return => return Ok(Some(if self.leave() { Flow::Next } else { Flow::Output })),
            Op::Native(native) => self.native(native)?,
            Op::PathBegin => self.begin_path()?,
            Op::PathEnd => self.end_path()?,
            Op::SetPath { state, value } => self.set_path(state, value)?,
            Op::Update { operator, state, operand } => self.update(operator, state, operand)?,
            Op::TakePath(state) => self.take_path(state)?,
            Op::PutPath { state, path } => self.put_path(state, path)?,
            Op::DeletePaths { state, paths } => self.delete_paths(state, paths)?,
        }
        Ok(Some(Flow::Next))
    }

    fn native(&mut self, native: u16) -> Outcome<()> {
        let input = self.pop();
        let native = natives::at(native);
        let mut arguments = [Value::Null, Value::Null, Value::Null];
        for argument in arguments.iter_mut().take(native.arity) {
            *argument = self.pop();
        }
        let mut context = Context { meter: &mut self.meter, patterns: &mut self.patterns };
        let value = (native.run)(&mut context, input, arguments)?;
        let value = self.meter.nested(value).map_err(Raise::from)?;
        self.push(value)
    }
}

const fn goes_on(goes_on: bool) -> Option<Flow> {
    if goes_on { Some(Flow::Next) } else { None }
}
